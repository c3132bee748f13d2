import { writeSync } from 'node:fs';
import { openJournal } from './index.ts';

/*
 * A process for crash.test.ts: appends records `<number>` from `from` on, several at once, says which are appended, and
 * releases what lies far behind. arguments: folder, from.
 */
const [folder = '', from = '0'] = process.argv.slice(2);

const journal = await openJournal({
  folder,
  maxBytes: 4 * 1024 * 1024,
  segmentBytes: 20_000,
  minFreeBytes: 0,
  report: ({ code, message }) => writeSync(2, `${code} ${message}\n`),
});

async function syncForever(): Promise<never> {
  for (;;) {
    await journal.sync();
    await new Promise((next) => setImmediate(next));
  }
}

void syncForever();
for (let next = Number(from); ; next += 30) {
  const calls = [0, 10, 20].map((step) => Array.from({ length: 10 }, (_, i) => Buffer.from(String(next + step + i).padEnd(200 + i * 40))));
  await Promise.all(calls.map((records) => journal.append(records)));
  writeSync(1, `${next + 30}\n`);
  const old = journal.segments().at(-20);
  if (old !== undefined) await journal.release({ segment: old.segment, offset: 0 });
}
