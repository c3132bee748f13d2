import { tempDir } from '@hostwire/testkit';
import { expect, it } from 'vitest';
import { comparePositions, openJournal } from './index.ts';

const text = (value: string): Buffer => Buffer.from(value);

it('gives back what was appended, in order, now and after it is opened again', async () => {
  const folder = tempDir();
  const journal = await openJournal({ folder, maxBytes: 1e6, now: () => 1234 });
  const [a, b] = await Promise.all([journal.append([text('a'), text('bb')]), journal.append([text('')])]);
  await journal.sync();
  const records = await journal.read(journal.first, 1000);
  expect(records.map(({ bytes }) => bytes.toString())).toEqual(['a', 'bb', '']);
  expect(records.map(({ position }) => position)).toEqual([...a, ...b]);
  expect(records.at(-1)?.end).toEqual(journal.end);
  const { end } = journal;
  await journal.close();
  const again = await openJournal({ folder, maxBytes: 1e6 });
  expect(await again.read(again.first, 1000)).toEqual(records);
  expect(await again.readAt(b[0] ?? end)).toEqual(records[2]);
  expect(comparePositions(again.end, end)).toBeGreaterThan(0);
  await again.close();
});
