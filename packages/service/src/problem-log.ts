/** A warning or an error of the log. */
export interface LoggedProblem {
  /** When it was logged last, ms since the epoch. */
  readonly time: number;
  readonly level: 'warn' | 'error' | 'fatal';
  readonly message: string;
  /** How often in a row. */
  readonly count: number;
}

const KEPT = 20;
const MAX_LENGTH = 500;

/** The last warnings and errors that a process logged, for who asks how it is. Messages hold no secret: the log does not either. */
export class ProblemLog {
  readonly #problems: LoggedProblem[] = [];
  readonly #now: () => number;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  add(level: LoggedProblem['level'], text: string): void {
    const message = text.slice(0, MAX_LENGTH);
    const last = this.#problems.at(-1);
    const isSame = last?.message === message && last.level === level;
    if (isSame) this.#problems.pop();
    this.#problems.push({ time: this.#now(), level, message, count: isSame ? last.count + 1 : 1 });
    if (this.#problems.length > KEPT) this.#problems.shift();
  }

  /** The newest first. */
  list(): readonly LoggedProblem[] {
    return this.#problems.toReversed();
  }
}
