import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

export interface ProgramOptions {
  readonly name: string;
  /** Script and arguments for this Node.js. */
  readonly args: readonly string[];
  /** It is ready once this stands on its standard output. */
  readonly ready: string;
  readonly env?: NodeJS.ProcessEnv;
}

const READY_MS = 60_000;

/** A Node.js process that is killed and started again. Only the processes that it started itself are signalled, by their pid. */
export class Program {
  readonly name: string;
  readonly #options: ProgramOptions;
  readonly #listeners = new Set<(message: unknown) => void>();
  #child: ChildProcess | null = null;

  constructor(options: ProgramOptions) {
    this.name = options.name;
    this.#options = options;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  get running(): boolean {
    return this.#child !== null && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Resolves when it is ready. Throws if it ends before, or is not within a minute. */
  async start(): Promise<void> {
    const { args, ready, env, name } = this.#options;
    const child = spawn(process.execPath, [...args], {
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
      ...(env === undefined ? {} : { env }),
    });
    this.#child = child;
    child.on('message', (message) => {
      for (const listener of this.#listeners) listener(message);
    });
    await new Promise<void>((done, fail) => {
      const timer = setTimeout(() => fail(new Error(`${name} was not ready within ${READY_MS} ms`)), READY_MS);
      const ended = (code: number | null): void => {
        clearTimeout(timer);
        fail(new Error(`${name} ended with ${code} before it was ready`));
      };
      child.once('exit', ended);
      let output = '';
      child.stdout?.on('data', (chunk: Buffer) => {
        output = (output + chunk.toString()).slice(-4096);
        if (!output.includes(ready)) return;
        clearTimeout(timer);
        child.off('exit', ended);
        child.stdout?.removeAllListeners('data').resume();
        done();
      });
    });
  }

  /** Ends it with SIGKILL. */
  kill(): Promise<void> {
    return this.#end('SIGKILL');
  }

  async restart(): Promise<void> {
    await this.kill();
    await this.start();
  }

  signal(signal: NodeJS.Signals): void {
    if (this.running) this.#child?.kill(signal);
  }

  send(message: object): void {
    if (this.running) this.#child?.send(message, () => undefined);
  }

  onMessage(listener: (message: unknown) => void): void {
    this.#listeners.add(listener);
  }

  /** Ends it in its own way, or with SIGKILL after ten seconds. */
  async stop(): Promise<void> {
    const timer = setTimeout(() => this.signal('SIGKILL'), 10_000);
    await this.#end('SIGTERM');
    clearTimeout(timer);
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }
}
