import { existsSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tempDir } from '@hostwire/testkit';
import { afterEach, expect, it, vi } from 'vitest';
import { keepHealthFile } from './health-file.ts';

afterEach(() => {
  vi.useRealTimers();
});

it('is there and young while the connection stands, and at no other time', () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  const file = join(tempDir(), 'connected');
  writeFileSync(file, 'left by one that was killed');
  const health = keepHealthFile(file, expect.unreachable);
  expect(existsSync(file)).toBe(false);
  health.connection(null);
  health.connection(null);
  utimesSync(file, 0, 0);
  vi.advanceTimersByTime(10_000);
  expect(Date.now() - statSync(file).mtimeMs).toBeLessThan(5000);
  health.connection(new Error('gone'));
  vi.advanceTimersByTime(60_000);
  expect(existsSync(file)).toBe(false);
  health.connection(null);
  health.close();
  expect(existsSync(file)).toBe(false);
});

it('says once that the file cannot be written, and goes on', () => {
  const said: string[] = [];
  const health = keepHealthFile('/proc/nowhere/connected', (message) => said.push(message));
  health.connection(null);
  health.close();
  expect(said).toEqual([expect.stringContaining('/proc/nowhere/connected')]);
});
