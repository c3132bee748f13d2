import { type Answer, type Asked, askLine, commandAsked, type DumpEntry, encodeHeaders, encodeNames, encodeStat } from './dump-entry.ts';
import { AccessError, type FileSystemStat, type HostAccess } from './host-access.ts';
import { dialTarget, dialUntil } from './local-dial.ts';
import { shownPath, targetOf } from './local-request.ts';
import { encodeDial, encodeResolved } from './net-answer.ts';

/** Where a recorder writes to: a DiagnosticDump. Must not throw. */
export interface AccessLog {
  command(entry: DumpEntry): void;
}

/** The same access, every ask of which is also written to `log` with its answer, its start and its duration. */
export function recordAccess(access: HostAccess, log: AccessLog): HostAccess {
  const order = new AskOrder(log);

  async function recorded<T>(asked: Asked, ask: () => Promise<T>, toAnswer: (value: T) => Answer): Promise<T> {
    const done = order.begin(asked);
    try {
      const value = await ask();
      done(toAnswer(value));
      return value;
    } catch (thrown) {
      done({ error: codeOf(thrown) });
      throw thrown;
    }
  }

  return {
    exec: (command, args, options) =>
      recorded(
        commandAsked(command, args, options),
        () => access.exec(command, args, options),
        (result) => result,
      ),
    readFile: (path, options) => recorded({ kind: 'file', path }, () => access.readFile(path, options), body),
    readDir: (path, options) =>
      recorded(
        { kind: 'dir', path },
        () => access.readDir(path, options),
        (names) => body(encodeNames(names)),
      ),
    readLink: (path, options) => recorded({ kind: 'link', path }, () => access.readLink(path, options), body),
    statFs: (path, options) =>
      recorded(
        { kind: 'statfs', path },
        () => access.statFs(path, options),
        (stat: FileSystemStat) => body(encodeStat(stat)),
      ),
    request: (ask, options) =>
      recorded(
        { kind: 'request', method: ask.method ?? 'GET', target: targetOf(ask), path: shownPath(ask) },
        () => access.request(ask, options),
        ({ status, headers, body, timings }) => ({
          status,
          ...(timings === undefined ? {} : { timings }),
          stdout: body,
          stderr: encodeHeaders(headers),
        }),
      ),
    dial: (ask, options) =>
      recorded(
        { kind: 'dial', target: dialTarget(ask), until: dialUntil(ask) },
        () => access.dial(ask, options),
        (answer) => body(encodeDial(answer)),
      ),
    resolve: (name, options) =>
      recorded(
        { kind: 'resolve', type: options?.type ?? 'A', name, server: options?.server ?? '' },
        () => access.resolve(name, options),
        (answer) => body(encodeResolved(answer)),
      ),
    async readFiles(paths, options) {
      const done = paths.map((path) => order.begin({ kind: 'file', path }));
      try {
        const answers = await access.readFiles(paths, options);
        for (const [i, answer] of answers.entries()) done[i]?.(typeof answer === 'string' ? body(answer) : { error: answer.code });
        return answers;
      } catch (thrown) {
        for (const end of done) end({ error: codeOf(thrown) });
        throw thrown;
      }
    },
    close: () => access.close(),
  };
}

/**
 * Writes the answers to one and the same ask in the order in which they were asked, whenever they come back: replay
 * gives the n-th asker the n-th answer.
 */
class AskOrder {
  readonly #log: AccessLog;
  readonly #pending = new Map<string, { entry: DumpEntry | null }[]>();

  constructor(log: AccessLog) {
    this.#log = log;
  }

  begin(asked: Asked): (answer: Answer) => void {
    const time = Date.now();
    const started = performance.now();
    const key = askLine(asked);
    const place: { entry: DumpEntry | null } = { entry: null };
    const line = this.#pending.get(key);
    if (line === undefined) this.#pending.set(key, [place]);
    else line.push(place);
    return (answer) => {
      place.entry = { time, asked, durationMs: performance.now() - started, answer };
      this.#advance(key);
    };
  }

  #advance(key: string): void {
    const line = this.#pending.get(key) ?? [];
    for (let first = line[0]; first !== undefined && first.entry !== null; first = line[0]) {
      this.#log.command(first.entry);
      line.shift();
    }
    if (line.length === 0) this.#pending.delete(key);
  }
}

function body(text: string): Answer {
  return { stdout: text, stderr: '' };
}

function codeOf(thrown: unknown): string {
  return thrown instanceof AccessError ? thrown.code : 'error';
}
