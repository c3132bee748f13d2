import { AccessError } from './host-access.ts';

/** One run of a command that has its turn. */
export interface CommandTurn {
  /** It is not waited for any more, but may go on for all that is known. */
  givenUp(): void;
  /** Its process is gone. */
  ended(): void;
}

/** So long may a command that was killed take to go before it counts as stuck. */
const GRACE_MS = 1000;
/** Runs of one command that cannot even be killed, beyond which it is not run again. */
const MAX_STUCK = 2;

interface Line {
  running: number;
  stuck: number;
}

/**
 * A bound on how many commands run at once, in all and of one name; who comes later waits, first come first served. The first
 * of each name never waits for those of others, so that a tool that hangs delays nobody else's. A process that outlives its
 * SIGKILL (it waits for a disk, or is root's) gives its place back and is counted apart.
 */
export class CommandSlots {
  readonly #most: number;
  readonly #mostOfOne: number;
  readonly #lines = new Map<string, Line>();
  readonly #waiting: { readonly name: string; readonly turn: () => void }[] = [];
  #running = 0;

  constructor(most: number, mostOfOne: number) {
    this.#most = most;
    this.#mostOfOne = mostOfOne;
  }

  /** Waits for its turn. Throws the signal's reason if it aborts first, and AccessError `timeout` if earlier runs are stuck. */
  async take(name: string, signal: AbortSignal): Promise<CommandTurn> {
    signal.throwIfAborted();
    this.#refuseStuck(name);
    if (!this.#mayRun(name)) {
      await new Promise<void>((resolve, reject) => {
        const turn = () => {
          signal.removeEventListener('abort', leave);
          resolve();
        };
        const place = { name, turn };
        const leave = () => {
          this.#waiting.splice(this.#waiting.indexOf(place), 1);
          reject(signal.reason);
        };
        this.#waiting.push(place);
        signal.addEventListener('abort', leave, { once: true });
      });
    } else {
      this.#begin(name);
    }
    return this.#turn(name);
  }

  #turn(name: string): CommandTurn {
    let state: 'running' | 'stuck' | 'ended' = 'running';
    let grace: NodeJS.Timeout | undefined;
    return {
      givenUp: () => {
        if (state !== 'running' || grace !== undefined) return;
        grace = setTimeout(() => {
          state = 'stuck';
          this.#line(name).stuck += 1;
          this.#end(name);
        }, GRACE_MS);
        grace.unref();
      },
      ended: () => {
        clearTimeout(grace);
        if (state === 'running') this.#end(name);
        if (state === 'stuck') {
          this.#line(name).stuck -= 1;
          this.#forget(name);
        }
        state = 'ended';
      },
    };
  }

  #refuseStuck(name: string): void {
    const stuck = this.#lines.get(name)?.stuck ?? 0;
    if (stuck < MAX_STUCK) return;
    throw new AccessError('timeout', `${name}: ${stuck} earlier runs of it hang and cannot be killed, so it is not run again`);
  }

  #mayRun(name: string): boolean {
    const running = this.#lines.get(name)?.running ?? 0;
    return running === 0 || (running < this.#mostOfOne && this.#running < this.#most);
  }

  #begin(name: string): void {
    this.#line(name).running += 1;
    this.#running += 1;
  }

  #end(name: string): void {
    this.#line(name).running -= 1;
    this.#running -= 1;
    this.#forget(name);
    for (let next = this.#next(); next >= 0; next = this.#next()) {
      const [place] = this.#waiting.splice(next, 1);
      if (place === undefined) return;
      this.#begin(place.name);
      place.turn();
    }
  }

  #next(): number {
    return this.#waiting.findIndex(({ name }) => this.#mayRun(name));
  }

  #line(name: string): Line {
    const line = this.#lines.get(name) ?? { running: 0, stuck: 0 };
    this.#lines.set(name, line);
    return line;
  }

  #forget(name: string): void {
    const { running, stuck } = this.#line(name);
    if (running === 0 && stuck === 0) this.#lines.delete(name);
  }
}
