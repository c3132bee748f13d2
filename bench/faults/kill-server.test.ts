import { tempDir } from '@hostwire/testkit';
import { expect, it } from 'vitest';
import { killServer } from './kill-server.ts';

const seed = Number(process.env['HOSTWIRE_SEED'] ?? Date.now() % 1_000_000);
const run = { rate: 500, hosts: 25, seed };

it('loses nothing that it acknowledged, and stores nothing twice, when killed twenty times under 500 samples/s', {
  timeout: 180_000,
}, async () => {
  const report = await killServer({ ...run, folder: tempDir(), kills: 20 });
  process.stdout.write(`kill run, seed ${seed}: ${JSON.stringify(report)}\n`);
  expect(report).toMatchObject({ lost: 0, twice: 0, left: 0 });
  expect(report.acknowledged).toBe(report.samples);
  expect(report.samples).toBeGreaterThan(5_000);
});

it('catches a server that acknowledges before its commit', { timeout: 60_000 }, async () => {
  const report = await killServer({ ...run, folder: tempDir(), kills: 2, acknowledgeEarly: true });
  process.stdout.write(`control run, seed ${seed}: ${JSON.stringify(report)}\n`);
  expect(report.lost).toBeGreaterThan(0);
});
