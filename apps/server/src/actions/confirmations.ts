import { randomBytes } from 'node:crypto';

/** What a confirmation is for: it holds for nothing else. */
export interface Confirmed {
  /** The session, as the API names it. */
  readonly session: string;
  /** Of the agent when it was given. */
  readonly run: string;
  /** Who asked for it. */
  readonly asker: string;
}

const LIFE_MS = 60_000;
/** Told apart from what never was until so long after its end. */
const REMEMBERED_MS = 10 * 60_000;
const MAX_HELD = 10_000;

/** Tokens that live one minute and work once. In memory: with the process they end too. */
export class Confirmations {
  readonly #now: () => number;
  readonly #held = new Map<string, Confirmed & { readonly expiresAt: number }>();

  constructor(now: () => number) {
    this.#now = now;
  }

  give(confirmed: Confirmed): { readonly token: string; readonly expiresAt: number } {
    const now = this.#now();
    for (const [token, { expiresAt }] of this.#held) {
      if (this.#held.size < MAX_HELD && now < expiresAt + REMEMBERED_MS) break;
      this.#held.delete(token);
    }
    const token = randomBytes(24).toString('base64url');
    const expiresAt = now + LIFE_MS;
    this.#held.set(token, { ...confirmed, expiresAt });
    return { token, expiresAt };
  }

  /** Uses a token up; it stays with who got it, where somebody else tries it. */
  use(token: string, { session, run, asker }: Confirmed): 'ok' | 'expired' | 'unknown' {
    const held = this.#held.get(token);
    if (held === undefined || held.session !== session || held.asker !== asker) return 'unknown';
    this.#held.delete(token);
    if (held.run !== run) return 'unknown';
    return this.#now() < held.expiresAt ? 'ok' : 'expired';
  }
}
