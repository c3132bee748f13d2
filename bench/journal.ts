// The journal alone, on this machine's disk: appends that wait for the disk, reading, opening.
// Run: npm run bench:journal -- [bytes of a record]     (default 4096)
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openJournal } from '@hostwire/journal';

const bytes = Number(process.argv[2] ?? 4096);
const SECONDS = 2;
const record = Buffer.alloc(bytes, '{"time":1790000000000,"fields":{"usage_active":12.4}}');
const options = { folder: mkdtempSync(join(tmpdir(), 'hostwire-bench-')), maxBytes: 4 * 1024 ** 3 };
const print = (line: string): boolean => process.stdout.write(`${line}\n`);

try {
  const journal = await openJournal(options);
  for (const at of [1, 8, 64, 256]) {
    const took: number[] = [];
    const start = performance.now();
    const syncs = journal.stats().syncs;
    const one = async (): Promise<void> => {
      while (performance.now() - start < SECONDS * 1000) {
        const from = performance.now();
        await journal.append([record]);
        await journal.sync();
        took.push(performance.now() - from);
      }
    };
    await Promise.all(Array.from({ length: at }, one));
    const seconds = (performance.now() - start) / 1000;
    took.sort((a, b) => a - b);
    const [p50 = 0, p99 = 0] = [0.5, 0.99].map((share) => took[Math.floor(took.length * share)]);
    const rate = Math.round(took.length / seconds);
    print(`${at} at once: ${rate} appends/s, ${journal.stats().syncs - syncs} fsyncs, p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`);
  }
  const { bytes: size, records } = journal.stats();
  await journal.close();

  let start = performance.now();
  const again = await openJournal(options);
  print(`open: ${(size / 1e6).toFixed(0)} MB in ${(performance.now() - start).toFixed(0)} ms`);
  start = performance.now();
  let read = 0;
  for (let at = again.first; ; ) {
    const some = await again.read(at, 1024 * 1024);
    if (some.length === 0) break;
    read += some.length;
    at = some.at(-1)?.end ?? at;
  }
  const seconds = (performance.now() - start) / 1000;
  print(`read: ${read} of ${records} records, ${Math.round(read / seconds)} records/s`);
  await again.close();
} finally {
  rmSync(options.folder, { recursive: true, force: true });
}
