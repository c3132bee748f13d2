import { writeSync } from 'node:fs';
import type { PointGroup } from '@hostwire/model';
import { openEmbeddedStore } from './embedded-store.ts';

/*
 * A process for crash.test.ts: writes points, one a ms from `from`, and says which are acknowledged; moves rows all the
 * while. arguments: directory, from.
 */
const [directory = '', from = '0'] = process.argv.slice(2);
const START = Date.UTC(2026, 8, 21, 10);

const store = await openEmbeddedStore({ directory, queryWorkers: 0, report: (problem) => process.stderr.write(`${problem}\n`) });

function group(seq: number): PointGroup {
  const tags = { host: `host${seq % 3}` };
  const point = { measurement: 'm', tags, fields: { seq, text: `value ${seq}` }, types: { seq: 'int' } } as const;
  return { database: 'db', source: tags.host, time: START + seq * 200, points: [point] };
}

async function compactForever(): Promise<never> {
  for (;;) await store.compactNow();
}

void compactForever();
for (let seq = Number(from); ; seq += 20) {
  await store.write(Array.from({ length: 20 }, (_, i) => group(seq + i)));
  writeSync(1, `${seq + 20}\n`);
}
