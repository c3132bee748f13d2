import { basename } from 'node:path';
import type { Machine } from './machine.ts';
import type { packages } from './packages.ts';

type Packages = Awaited<ReturnType<typeof packages>>;

export interface HostState {
  readonly host: string;
  readonly state: string;
  readonly cpu: number | null;
  readonly last_seen: number | null;
  readonly interval: number;
}

/** A server installed from its archive, asked from other machines as a browser would: over TLS, by its address. */
export interface FleetServer {
  readonly machine: Machine;
  readonly url: string;
  /** Runs `hostwire` on it; throws unless it ends with 0. */
  hostwire(args: string): Promise<string>;
  /** The command that it prints for a new host to which the agent's archive was copied; to be typed as root, where it lies. */
  enrol(args: string): Promise<string>;
  /** What it answers to another machine. */
  get(from: Machine, path: string): Promise<unknown>;
  hosts(from: Machine): Promise<HostState[]>;
  /** Rows of an InfluxQL query of its store. */
  query(influxql: string): Promise<unknown[][]>;
}

const FOLDER = '/root/package';

/** Installs the server's archive on a machine, to listen on all its addresses. */
export async function installServer(machine: Machine, { server, sums }: Packages): Promise<FleetServer> {
  for (const file of [server, sums]) machine.copy(file, `${FOLDER}/${basename(file)}`);
  const archive = `${FOLDER}/${basename(server)}`;
  await machine.must(`mkdir /root/unpacked && tar -xzf ${archive} -C /root/unpacked --strip-components=1 --wildcards '*/install.sh'`);
  const text = await machine.must(`sh /root/unpacked/install.sh --component server --archive ${archive} --listen 0.0.0.0`);
  if (!text.includes('A link to the dashboard')) throw new Error(text);
  const hostwire = (args: string): Promise<string> => machine.must(`hostwire ${args}`);
  const reader = (JSON.parse(await hostwire('token add fleet-test --scope api:read --scope series:read --json')) as { token: string })
    .token;
  const url = `https://${machine.address}:8080`;
  const get = async (from: Machine, path: string): Promise<unknown> => {
    const { text: body } = await from.inNetwork([
      'curl',
      '-sSk',
      '--max-time',
      '10',
      '-H',
      `authorization: Bearer ${reader}`,
      `${url}${path}`,
    ]);
    return JSON.parse(body) as unknown;
  };
  return {
    machine,
    url,
    hostwire,
    async enrol(args) {
      const { commands } = JSON.parse(await hostwire(`enroll ${args} --json`)) as { commands: { archive: string } };
      return `cd ${FOLDER} && ${commands.archive.replace('sudo ', '')}`;
    },
    get,
    hosts: async (from) => ((await get(from, '/api/hosts')) as { hosts: HostState[] }).hosts,
    async query(influxql) {
      const wanted = new URLSearchParams({ db: 'hostwire', epoch: 'ms', q: influxql, u: 'fleet-test', p: reader });
      const { text: body } = await machine.inNetwork(['curl', '-sS', '-G', `http://127.0.0.1:8086/query?${wanted}`]);
      const answer = JSON.parse(body) as { results: { series?: { values: unknown[][] }[]; error?: string }[] };
      if (answer.results[0]?.error !== undefined) throw new Error(answer.results[0].error);
      return (answer.results[0]?.series ?? []).flatMap(({ values }) => values);
    },
  };
}

/** Copies the agent's archive to a machine, to where `enrol` looks for it. */
export async function copyAgent(machine: Machine, { agent }: Packages): Promise<void> {
  machine.copy(agent, `${FOLDER}/${basename(agent)}`);
  // As the command does, so that what it unpacks is there before files are compared.
  await machine.must(`cd ${FOLDER} && tar -xzf ${basename(agent)}`);
}

/** The last lines of a machine's agent log, as sentences. */
export async function agentLog(machine: Machine): Promise<string> {
  const { text } = await machine.sh('cat /var/log/hostwire-agent.log');
  return [...text.matchAll(/"msg":"((?:[^"\\]|\\.)*)"/g)].map(([, sentence]) => sentence).join('\n');
}
