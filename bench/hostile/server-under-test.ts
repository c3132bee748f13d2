import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { openRegistry, type Scope } from '@hostwire/registry';
import { freePort } from '@hostwire/testkit';
import { Program } from '../faults/program.ts';

export interface Host {
  readonly id: string;
  readonly token: string;
}

export interface ServerUnderTestOptions {
  /** An empty folder for its data. */
  readonly folder: string;
  /** Prefix of a host's name -> how many hosts of that name it knows. */
  readonly hosts: Readonly<Record<string, number>>;
  /** More arguments of `hostwire serve`. */
  readonly args?: readonly string[];
  /** More of the environment, such as keys of the configuration. */
  readonly env?: Readonly<Record<string, string>>;
}

const PROGRAM = fileURLToPath(new URL('../../apps/server/dist/main.js', import.meta.url));
const READINGS = 9;
const READING_MS = 150;
const SETTLE_MS = 60_000;

/**
 * The server as a user runs it, from its build: `hostwire serve` in a process of its own with all roles and the embedded
 * store. What it says of itself is read from /metrics and /proc.
 */
export class ServerUnderTest {
  readonly mqttPort: number;
  readonly httpPort: number;
  readonly folder: string;
  readonly #hosts: ReadonlyMap<string, readonly Host[]>;
  readonly #tokens: Readonly<Record<'mqtt:read' | 'api:read', string>>;
  readonly #program: Program;

  private constructor(
    folder: string,
    ports: readonly [mqtt: number, http: number],
    hosts: ReadonlyMap<string, readonly Host[]>,
    tokens: Readonly<Record<'mqtt:read' | 'api:read', string>>,
    args: readonly string[],
    env: Readonly<Record<string, string>>,
  ) {
    this.folder = folder;
    [this.mqttPort, this.httpPort] = ports;
    this.#hosts = hosts;
    this.#tokens = tokens;
    const serve = ['serve', '--data-dir', folder, '--log-level', 'error', '--influx-port', '0'];
    this.#program = new Program({
      name: 'hostwire',
      args: [PROGRAM, ...serve, '--port', String(ports[1]), '--mqtt-port', String(ports[0]), ...args],
      ready: 'is running',
      env: { ...process.env, ...env },
    });
  }

  /** Enrols the hosts and a token of each scope, and starts. Needs the build. */
  static async start({ folder, hosts: counts, args = [], env = {} }: ServerUnderTestOptions): Promise<ServerUnderTest> {
    const registry = await openRegistry({ file: join(folder, 'registry.db') });
    const hosts = new Map<string, Host[]>();
    for (const [prefix, count] of Object.entries(counts)) {
      const some: Host[] = [];
      for (let i = 1; i <= count; i++) {
        const id = `${prefix}-${String(i).padStart(4, '0')}`;
        some.push({ id, token: (await registry.hosts.add(id)).token });
      }
      hosts.set(prefix, some);
    }
    const token = async (scope: Scope): Promise<string> => (await registry.tokens.add(scope.replace(':', '-'), [scope])).token;
    const tokens = { 'mqtt:read': await token('mqtt:read'), 'api:read': await token('api:read') };
    await registry.close();
    const server = new ServerUnderTest(folder, [await freePort(), await freePort()], hosts, tokens, args, env);
    await server.#program.start();
    return server;
  }

  hosts(prefix: string): readonly Host[] {
    return this.#hosts.get(prefix) ?? [];
  }

  /** User name and password for MQTT of a program that may read everything. */
  get reader(): { readonly username: string; readonly password: string } {
    return { username: 'mqtt-read', password: this.#tokens['mqtt:read'] };
  }

  get bearer(): { readonly authorization: string } {
    return { authorization: `Bearer ${this.#tokens['api:read']}` };
  }

  /** False once the process has ended, for whatever reason. */
  get running(): boolean {
    return this.#program.running;
  }

  /** Of /metrics, the label with its value as Prometheus writes it; 0 if there is none yet. */
  async metric(name: string): Promise<number> {
    return (await this.metrics()).get(name) ?? 0;
  }

  async metrics(): Promise<ReadonlyMap<string, number>> {
    const answer = await fetch(`http://127.0.0.1:${this.httpPort}/metrics`, { headers: this.bearer });
    if (!answer.ok) throw new Error(`/metrics answered ${answer.status}`);
    const lines = (await answer.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]));
  }

  /** Resident size in MiB: the median of some readings, so that one garbage collection more or less does not decide. */
  async residentMiB(): Promise<number> {
    const readings: number[] = [];
    for (let i = 0; i < READINGS; i++) {
      const status = readFileSync(`/proc/${this.#program.pid}/status`, 'utf8');
      readings.push(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024);
      await sleep(READING_MS);
    }
    return Math.round(readings.sort((a, b) => a - b)[READINGS >> 1] ?? 0);
  }

  /** The same once it is below `bound`, or after a minute: garbage goes only when nothing else is to be done. */
  async settledMiB(bound: number): Promise<number> {
    let size = await this.residentMiB();
    for (const end = Date.now() + SETTLE_MS; size >= bound && Date.now() < end; ) size = await this.residentMiB();
    return size;
  }

  kill(): Promise<void> {
    return this.#program.kill();
  }

  restart(): Promise<void> {
    return this.#program.restart();
  }

  stop(): Promise<void> {
    return this.#program.stop();
  }
}
