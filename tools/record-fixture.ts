/**
 * Records one collector on this machine as a fixture: what it asked and what was answered, by the diagnostic dump, in
 * packages/collectors/src/NAME/fixtures/CASE, and the rows that this gives in expected.json beside it.
 *
 *     npm run record -- NAME CASE [--options JSON] [--readings N] [--gap MS]
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { COLLECTORS, createRunner } from '@hostwire/collectors';
import { DiagnosticDump, LocalHost, recordAccess } from '@hostwire/host-access';
import { encodeSample } from '@hostwire/model';
import { openFixture, replayFixture } from '../packages/collectors/src/recorded.testkit.ts';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    options: { type: 'string', default: '{}' },
    readings: { type: 'string', default: '1' },
    gap: { type: 'string', default: '1000' },
  },
});
const [name = '', fixture = ''] = positionals;
const collector = COLLECTORS.find((candidate) => candidate.name === name);
if (collector === undefined || !/^[a-z0-9-]+$/.test(fixture)) {
  process.stderr.write('usage: npm run record -- NAME CASE [--options JSON] [--readings N] [--gap MS]\n');
  process.exit(2);
}
const folder = fileURLToPath(new URL(`../packages/collectors/src/${name}/fixtures/${fixture}`, import.meta.url));
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
const options = { enabled: true, ...(JSON.parse(values.options) as Record<string, unknown>) };
const dump = new DiagnosticDump(folder, { warn: (message) => process.stderr.write(`${message}\n`) });
const access = new LocalHost();
const runner = createRunner({ access: recordAccess(access, dump), collectors: [collector], options: { [name]: options } });
const capability = (await runner.probeAll())[name];
process.stdout.write(`${name}: ${JSON.stringify(capability)}\n`);
const { tier } = runner.collectors[0] ?? collector;
for (let reading = 0; reading < Number(values.readings); reading++) {
  if (reading > 0) await new Promise((resolve) => setTimeout(resolve, Number(values.gap)));
  const time = Date.now();
  const { data, errors } = await runner.collect(tier, time);
  for (const error of errors) process.stderr.write(`${JSON.stringify(error)}\n`);
  const header = { v: 1, host: 'fixture', tier, run: 'fixture', seq: reading + 1, time, interval: 60, catalog: 'fixture' } as const;
  dump.payload(tier, encodeSample({ ...header, data }), time);
}
runner.close();
await access.close();
await dump.close();
writeFileSync(`${folder}/options.json`, `${JSON.stringify(options)}\n`);
const { rows } = await replayFixture(collector, await openFixture(folder));
writeFileSync(`${folder}/expected.json`, `${JSON.stringify(rows, bigintAsText, 1)}\n`);
process.stdout.write(`${Object.values(rows).flat().length} rows in ${folder}\n`);

function bigintAsText(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value;
}
