import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Host } from './stack.ts';

const AGENT = fileURLToPath(new URL('../../apps/agent/dist/main.js', import.meta.url));

export interface RealAgentOptions {
  /** Of its configuration and spool. */
  readonly folder: string;
  readonly brokerUrl: string;
  readonly host: Host;
  readonly env?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  readonly spool?: string;
}

/** The agent's own program, with a sample of the fast tier each second. */
export class RealAgent {
  readonly #child: ChildProcess;
  #output = '';

  constructor({ folder, brokerUrl, host, env = {}, args = [], spool = join(folder, 'spool') }: RealAgentOptions) {
    mkdirSync(folder, { recursive: true });
    const config = join(folder, 'agent.toml');
    writeFileSync(
      config,
      `server_url = "${brokerUrl}"\nhost_id = "${host.id}"\ntoken = "${host.token}"\n[intervals]\nfast_seconds = 1\nmedium_seconds = 5\nslow_seconds = 30\n[spool]\ndir = "${spool}"\n`,
      { mode: 0o600 },
    );
    this.#child = spawn(process.execPath, [AGENT, '--config', config, ...args], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, ...env },
    });
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      this.#output += chunk.toString();
    });
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Its log. */
  get output(): string {
    return this.#output;
  }

  /** What its clock showed when it logged last; ms since the epoch. */
  clock(): number {
    return Number(/.*"time":(\d+)/s.exec(this.#output)?.[1] ?? 0);
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    if (!this.running) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill(signal);
    await ended;
  }
}
