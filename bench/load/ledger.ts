import { createReadStream, createWriteStream, type WriteStream } from 'node:fs';
import { createInterface } from 'node:readline';

/** What a server acknowledged as durable, on disk: one line `host run seq` each. */
export class Ledger {
  readonly #stream: WriteStream;
  #failure: Error | null = null;

  /** Begins an empty file at `path`. */
  constructor(path: string) {
    this.#stream = createWriteStream(path);
    this.#stream.on('error', (error) => {
      this.#failure = error;
    });
  }

  add(host: string, run: string, seq: number): void {
    this.#stream.write(`${host} ${run} ${seq}\n`);
  }

  /** Resolves when all is in the file. Throws what the file system said on the way. */
  async close(): Promise<void> {
    if (this.#failure === null) await new Promise<void>((done) => this.#stream.end(() => done()));
    if (this.#failure !== null) throw this.#failure;
  }
}

/** What a ledger holds: `host run` -> seqs, each once. Throws if a line is twice in it. */
export async function readLedger(path: string): Promise<Map<string, Set<number>>> {
  const acknowledged = new Map<string, Set<number>>();
  for await (const line of createInterface({ input: createReadStream(path) })) {
    const [, key = '', seq = ''] = /^(\S+ \S+) (\d+)$/.exec(line) ?? [];
    if (key === '') throw new Error(`${path}: ${JSON.stringify(line)} is not "host run seq"`);
    const seqs = acknowledged.get(key) ?? new Set();
    if (seqs.has(Number(seq))) throw new Error(`${path}: ${line} is there twice`);
    acknowledged.set(key, seqs.add(Number(seq)));
  }
  return acknowledged;
}
