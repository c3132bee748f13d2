import { open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { RemoteConfig } from '@hostwire/model';

const NAME = 'remote-config.json';
/** A disk that hangs does not keep the agent from starting. */
const READ_MS = 5000;

/** The last configuration that a server has sent, on disk: it holds also after a restart without the server. */
export class KeptConfig {
  readonly #folder: string | null;
  readonly #topic: string;
  #writing: Promise<void> = Promise.resolve();

  /** `folder` null: nothing is kept. What was kept for another topic is another agent's. */
  constructor(folder: string | null, topic: string) {
    this.#folder = folder;
    this.#topic = topic;
  }

  /** Null if there is none. Rejects with a sentence if there is one that cannot be used. */
  async read(): Promise<RemoteConfig | null> {
    if (this.#folder === null) return null;
    const file = join(this.#folder, NAME);
    let text: string;
    try {
      text = await readFile(file, { encoding: 'utf8', signal: AbortSignal.timeout(READ_MS) });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw new Error(`${file} cannot be read: ${(error as Error).message}`, { cause: error });
    }
    const kept = parse(text);
    if (kept === null) throw new Error(`${file} is damaged`);
    if (kept.topic !== this.#topic) throw new Error(`${file} is for ${kept.topic}, not for ${this.#topic}`);
    return kept.config;
  }

  /** Replaces it at once or not at all; null removes it. Rejects with the system's error. */
  write(config: RemoteConfig | null): Promise<void> {
    const written = this.#writing.then(() => this.#write(config));
    this.#writing = written.catch(() => undefined);
    return written;
  }

  /** Resolves when nothing is being written any more. */
  settled(): Promise<void> {
    return this.#writing;
  }

  async #write(config: RemoteConfig | null): Promise<void> {
    if (this.#folder === null) return;
    const file = join(this.#folder, NAME);
    if (config === null) return rm(file, { force: true });
    const draft = `${file}.tmp`;
    const handle = await open(draft, 'w', 0o600);
    try {
      await handle.writeFile(JSON.stringify({ topic: this.#topic, config }));
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(draft, file);
  }
}

function parse(text: string): { readonly topic: string; readonly config: RemoteConfig } | null {
  try {
    const { topic, config } = JSON.parse(text) as Record<string, unknown>;
    const isUsable = typeof topic === 'string' && typeof config === 'object' && config !== null && !Array.isArray(config);
    return isUsable ? { topic: topic as string, config: config as RemoteConfig } : null;
  } catch {
    return null;
  }
}
