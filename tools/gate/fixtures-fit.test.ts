import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { COLLECTORS, type Collector, createRunner } from '@hostwire/collectors';
import { ReplayHost, recordAccess } from '@hostwire/host-access';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
/** What the gate decides by, without its last part, which takes a request. */
const [FUNCTIONS = ''] = readFileSync(`${root}/infra/gate/hostwire-gate`, 'utf8').split(/^request=/m);

const quote = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;

/** Calls of the gate's functions for all that a collector asked of a host when it was recorded. */
async function callsOf(collector: Collector, folder: string): Promise<string[]> {
  const replay = await ReplayHost.open(folder);
  const calls: string[] = [];
  const look = (kind: string, path: string) => calls.push(`may_look ${kind} ${quote(path)}`);
  const access = recordAccess(replay, {
    command({ asked, answer }) {
      // What was not recorded was not asked.
      if (answer.error === 'not-recorded') return;
      if (asked.kind === 'file') look('r', asked.path);
      else if (asked.kind === 'dir') look('d', asked.path);
      else if (asked.kind === 'link') look('l', asked.path);
      else if (asked.kind === 'command')
        calls.push(['may_run', asked.args[0] === '-n' ? 'root' : 'direct', asked.command, ...asked.args].map(quote).join(' '));
      else if (asked.kind === 'request' && asked.target.startsWith('unix:')) {
        // A fixture of its own engine stands for the socket that is asked by default.
        const socket = asked.target.replace('unix:/run/fixture.sock', `unix:${collector.needs?.sockets?.[0]?.path ?? ''}`);
        calls.push(`may_get ${quote(socket.slice('unix:'.length))} ${quote(asked.path)}`);
      }
    },
  });
  const options = `${folder}/options.json`;
  const own = existsSync(options) ? (JSON.parse(readFileSync(options, 'utf8')) as object) : {};
  const runner = createRunner({ access, collectors: [collector], options: { [collector.name]: { enabled: true, ...own } } });
  replay.beginTick(collector.tier);
  await runner.probeAll();
  await runner.collect(collector.tier);
  runner.close();
  return [...new Set(calls)];
}

const NETWORK = ['http_response', 'net_response', 'dns_query', 'ping', 'x509_cert', 'public_ip', 'custom'];
/** What an option changes of what is asked, a gate does not know. */
function hasOwnNeeds({ configuredNeeds }: Collector, folder: string): boolean {
  const options = `${folder}/options.json`;
  if (configuredNeeds === undefined || !existsSync(options)) return false;
  return Object.keys(JSON.parse(readFileSync(options, 'utf8')) as object).some((key) => key !== 'enabled');
}

const CASES = COLLECTORS.filter(({ name }) => !NETWORK.includes(name)).flatMap((collector) => {
  const folder = `${root}/packages/collectors/src/${collector.name}/fixtures`;
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => !hasOwnNeeds(collector, `${folder}/${name}`)) : [];
  return names.map((name) => [`${collector.name}/${name}`, collector, `${folder}/${name}`] as const);
});

it.each(CASES)('what was asked of %s is let through', async (_name, collector, folder) => {
  const calls = await callsOf(collector, folder);
  expect(calls.length).toBeGreaterThan(0);
  const script = `${FUNCTIONS}\n${calls.map((call) => `${call} || printf '%s\\n' ${quote(call)}`).join('\n')}\n`;
  const { stdout, stderr } = spawnSync('sh', [], { input: script, encoding: 'utf8' });
  expect([stdout, stderr]).toEqual(['', '']);
});
