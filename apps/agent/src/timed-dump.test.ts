import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LocalHost } from '@hostwire/host-access';
import { createLogger } from '@hostwire/service';
import { tempDir, waitFor } from '@hostwire/testkit';
import { expect, it, onTestFinished } from 'vitest';
import { timedDump } from './timed-dump.ts';

const logger = createLogger({ name: 'test', level: 'silent' });

it('is on for its time alone, and goes off by itself', async () => {
  const folder = join(tempDir(), 'dump');
  const dump = timedDump({ access: new LocalHost(), folder, logger, minuteMs: 100 });
  onTestFinished(() => dump.close());
  await dump.access.readFile('/proc/uptime');
  expect(existsSync(folder)).toBe(false);
  await dump.start(2);
  await dump.access.readFile('/proc/loadavg');
  dump.payload('fast', '{"a":1}');
  await waitFor(() => !dump.isOn, { timeout: 2000, what: 'the end of the dump' });
  await dump.access.readFile('/proc/stat');
  dump.payload('fast', '{"a":2}');
  await waitFor(() => readFileSync(join(folder, 'samples.log'), 'utf8').includes('"a": 1'));
  expect(statSync(join(folder, 'commands.log')).mode & 0o777).toBe(0o600);
  const asked = readFileSync(join(folder, 'commands.log'), 'utf8');
  expect([asked.includes('/proc/loadavg'), asked.includes('/proc/uptime'), asked.includes('/proc/stat')]).toEqual([true, false, false]);
  expect(readFileSync(join(folder, 'samples.log'), 'utf8')).not.toContain('"a": 2');
});

it('says why it cannot be on', async () => {
  await expect(timedDump({ access: new LocalHost(), folder: null, logger }).start(1)).rejects.toThrow(/no folder/);
  const file = join(tempDir(), 'file');
  writeFileSync(file, '');
  const dump = timedDump({ access: new LocalHost(), folder: join(file, 'dump'), logger });
  await expect(dump.start(1)).rejects.toThrow(/cannot be written/);
  expect(dump.isOn).toBe(false);
});
