/** Wrong codes of all addresses together, per minute. */
const WRONG_PER_MINUTE = 60;
const MINUTE_MS = 60_000;
const MAX_ADDRESSES = 10_000;

/**
 * Bounds how fast strangers can guess at codes, whatever number of addresses they have. When there were too many wrong codes,
 * an address may still try once a minute, so that guessers do not lock out who has a code.
 */
export class GuessLimit {
  readonly #now: () => number;
  #wrong = 0;
  #since: number;
  readonly #tried = new Set<string>();

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#since = now();
  }

  /** True if this address may try a code now. */
  mayTry(address: string): boolean {
    const now = this.#now();
    if (now - this.#since >= MINUTE_MS) {
      this.#since = now;
      this.#wrong = 0;
      this.#tried.clear();
    }
    if (this.#wrong < WRONG_PER_MINUTE) return true;
    const network = networkOf(address);
    if (this.#tried.has(network) || this.#tried.size >= MAX_ADDRESSES) return false;
    this.#tried.add(network);
    return true;
  }

  /** To be told of each code that was refused. */
  wrong(): void {
    this.#wrong++;
  }
}

/** An IPv4 address, or the /64 of an IPv6 address, which is the least that one customer has (RFC 6177 section 2). */
export function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined || !address.includes(':')) return mapped ?? address;
  const [head = '', tail] = address.split('%', 1)[0]?.split('::', 2) ?? [];
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - left.length - right.length);
  const groups = [...left, ...Array<string>(zeros).fill('0'), ...right];
  return groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':');
}
