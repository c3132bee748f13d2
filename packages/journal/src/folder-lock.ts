import { randomBytes } from 'node:crypto';
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { errorCode } from './file-system.ts';
import { JournalError } from './journal.ts';

const LOCK = /^lock-[0-9a-f]{16}\.sock$/;
const DRAFT = /^lock-[0-9a-f]{16}\.tmp$/;
/** A draft is renamed at once; one so old is what a killed process left. */
const STALE_MS = 60_000;
const ATTEMPTS = 20;
/** A process that is stopped, or busy, accepts and says nothing. */
const ANSWER_MS = 250;

type Answer = 'held' | 'trying' | 'dead';

/**
 * Makes this process the one user of a folder, which is made if need be, until `release` or its end, whatever that is:
 * the lock is a socket that listens, which ends with its process. It holds between containers that share the folder, not
 * between machines. Rejects with JournalError `locked` if another has it, `io` if the folder cannot have a socket.
 *
 * Each process that tries has a socket of a name of its own, which appears in the folder when it already listens. Who
 * then finds no other that answers has the lock: of two, at least the later one finds the other. One that refuses will
 * never answer again, so that anybody may remove it.
 */
export async function lockFolder(folder: string): Promise<{ release(): Promise<void> }> {
  let claim: Claim | null = null;
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      claim = await Claim.make(folder);
      const others = await claim.others();
      if (others.length === 0) {
        claim.held = true;
        return claim;
      }
      await claim.release();
      claim = null;
      if (others.includes('held')) break;
      // Two that try at once have both withdrawn.
      await sleep(Math.random() * 20 * (attempt + 1));
    }
  } catch (cause) {
    await claim?.release();
    const message = `cannot lock the folder ${folder}: see that it can be written to and that its file system has sockets`;
    throw new JournalError('io', message, { cause });
  }
  throw new JournalError('locked', `another process uses the folder ${folder}: stop it, or give this one a folder of its own`);
}

/**
 * The processes that have a folder or try to get it, by the names of their locks in it; none if nobody does, or if there is
 * no such folder. It only asks. Rejects with the system's error if the folder cannot be read.
 */
export async function lockHolders(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT') return [];
    throw error;
  });
  const locks = names.filter((name) => LOCK.test(name));
  if (locks.length === 0) return [];
  const handle = await open(folder, 'r');
  try {
    const answers = await Promise.all(locks.map((name) => ask(join('/proc/self/fd', String(handle.fd), name))));
    return locks.filter((_, at) => answers[at] !== 'dead');
  } finally {
    await handle.close();
  }
}

class Claim {
  held = false;
  readonly #folder: FileHandle;
  readonly #server: Server;
  readonly #name: string;

  private constructor(folder: FileHandle, server: Server, name: string) {
    this.#folder = folder;
    this.#server = server;
    this.#name = name;
    server.on('connection', (socket) => {
      socket.on('error', () => undefined);
      socket.end(this.held ? 'held' : 'trying');
    });
  }

  static async make(path: string): Promise<Claim> {
    const folder = await open(path, 'r');
    const id = randomBytes(8).toString('hex');
    const server = createServer();
    const claim = new Claim(folder, server, `lock-${id}.sock`);
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen({ path: claim.#at(`lock-${id}.tmp`), exclusive: true }, resolve);
      });
      server.unref();
      await rename(claim.#at(`lock-${id}.tmp`), claim.#at(claim.#name));
      return claim;
    } catch (error) {
      await claim.release();
      throw error;
    }
  }

  /** What the others answer that are alive. */
  async others(): Promise<Answer[]> {
    const answers: Answer[] = [];
    for (const name of await readdir(this.#at('.'))) {
      const path = this.#at(name);
      if (DRAFT.test(name)) {
        const made = await stat(path).catch(() => null);
        if (made !== null && Date.now() - made.mtimeMs > STALE_MS) await rm(path, { force: true });
      }
      if (!LOCK.test(name) || name === this.#name) continue;
      const answer = await ask(path);
      if (answer === 'dead') await rm(path, { force: true });
      else answers.push(answer);
    }
    return answers;
  }

  async release(): Promise<void> {
    this.held = false;
    await rm(this.#at(this.#name), { force: true }).catch(() => undefined);
    if (this.#server.listening) await new Promise<void>((resolve) => this.#server.close(() => resolve()));
    await this.#folder.close().catch(() => undefined);
  }

  /** A socket's path has 107 bytes; a folder's may be longer. */
  #at(name: string): string {
    return join('/proc/self/fd', String(this.#folder.fd), name);
  }
}

/** Asks the process that listens there, if there is one. */
function ask(path: string): Promise<Answer> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    const timer = setTimeout(() => settle('held'), ANSWER_MS);
    const settle = (answer: Answer): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    socket.once('data', (bytes: Buffer) => settle(bytes.toString() === 'trying' ? 'trying' : 'held'));
    socket.once('error', (error) => settle(['ECONNREFUSED', 'ENOENT'].includes(errorCode(error) ?? '') ? 'dead' : 'held'));
    // It withdrew before it answered.
    socket.once('close', () => settle('trying'));
  });
}
