import { DiagnosticDump, type HostAccess, recordAccess } from '@hostwire/host-access';
import type { Logger } from '@hostwire/service';

const MINUTE_MS = 60_000;

/** A diagnostic dump that can be switched on while the agent runs, and goes off by itself; with the process it ends too. */
export interface TimedDump {
  /** The same access; what is asked by it is written down while the dump is on. */
  readonly access: HostAccess;
  /** Gets every outgoing payload as text. */
  payload(kind: string, text: string): void;
  /** On from now for so many minutes; where it is on already it ends then. Throws an Error, one sentence, if there is no folder for it. */
  start(minutes: number): Promise<void>;
  readonly isOn: boolean;
  close(): Promise<void>;
}

export interface TimedDumpOptions {
  readonly access: HostAccess;
  /** Null: there is none. */
  readonly folder: string | null;
  readonly logger: Logger;
  /** Ms of a minute; for tests. */
  readonly minuteMs?: number;
}

export function timedDump({ access, folder, logger, minuteMs = MINUTE_MS }: TimedDumpOptions): TimedDump {
  let dump: DiagnosticDump | null = null;
  let asked = access;
  let timer: NodeJS.Timeout | undefined;

  const stop = async (): Promise<void> => {
    clearTimeout(timer);
    const ended = dump;
    dump = null;
    asked = access;
    if (ended === null) return;
    await ended.close();
    logger.info({ folder }, 'the diagnostic dump is off again');
  };

  return {
    access: {
      exec: (...given) => asked.exec(...given),
      readFile: (...given) => asked.readFile(...given),
      readFiles: (...given) => asked.readFiles(...given),
      readDir: (...given) => asked.readDir(...given),
      readLink: (...given) => asked.readLink(...given),
      statFs: (...given) => asked.statFs(...given),
      request: (...given) => asked.request(...given),
      dial: (...given) => asked.dial(...given),
      resolve: (...given) => asked.resolve(...given),
      close: () => access.close(),
    },
    payload: (kind, text) => dump?.payload(kind, text),
    async start(minutes) {
      if (folder === null) throw new Error('there is no folder for a dump: set dir under [spool] or dump_dir under [debug] in agent.toml');
      clearTimeout(timer);
      if (dump === null) {
        dump = new DiagnosticDump(folder, { warn: (message) => logger.warn(message) });
        asked = recordAccess(access, dump);
      }
      timer = setTimeout(() => void stop(), minutes * minuteMs);
      timer.unref();
      await dump.flush();
      if (dump?.active !== true) {
        await stop();
        throw new Error(`the dump's folder ${folder} cannot be written to; the agent's log says why`);
      }
      logger.info({ folder, minutes }, `the diagnostic dump is on for ${minutes} min`);
    },
    get isOn() {
      return dump !== null;
    },
    close: stop,
  };
}
