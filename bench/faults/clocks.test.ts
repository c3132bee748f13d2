import { systemSuite, tempDir } from '@hostwire/testkit';
import { describe, expect, it } from 'vitest';
import { runWithClock } from './clocks.ts';
import { runClone } from './clone.ts';

/** By hand HOSTWIRE_CLOCK_SECONDS=60, and then all of them. */
const byHand = process.env['HOSTWIRE_CLOCK_SECONDS'];
const seconds = Number(byHand ?? 12);

const CLOCKS = [
  ['an hour ahead', { first: '+1h' }, 60],
  ['that begins in 1970 and is set right', { first: '@1970-01-01 00:10:00', later: '+0' }, 0],
] as const;
const MORE_CLOCKS = [
  ['an hour behind', { first: '-1h' }, -60],
  ['that jumps back an hour', { first: '+0', later: '-1h' }, -60],
  ['that jumps ahead an hour', { first: '+0', later: '+1h' }, 60],
  ['that begins in 1970', { first: '@1970-01-01 00:10:00' }, Math.round(-Date.now() / 60_000)],
] as const;

systemSuite(['faketime'], "an agent's clock", () => {
  it.each(byHand === undefined ? CLOCKS : [...CLOCKS, ...MORE_CLOCKS])(
    '%s: one version of each sample, at the right time, and nobody is called offline',
    { timeout: 120_000 },
    async (name, clock, off) => {
      const report = await runWithClock({ folder: tempDir(), seconds, ...clock });
      process.stdout.write(`a clock ${name}: ${JSON.stringify(report)}\n`);
      expect(report).toMatchObject({ twice: 0, missing: 0, wrongTime: 0, offlineAlerts: 0 });
      expect(report.samples).toBeGreaterThan(seconds / 2);
      // Or the clock was right all the time.
      expect(Math.abs(report.offMinutes - off)).toBeLessThan(30);
    },
  );
});

describe('a cloned agent', () => {
  it('is named within a minute, and the two do not go on taking the session from each other', { timeout: 120_000 }, async () => {
    const report = await runClone(tempDir(), 30);
    process.stdout.write(`a clone: ${JSON.stringify(report)}\n`);
    expect(report.alertSeconds).toBeLessThan(60);
    expect(report.runsAtTheEnd).toBe(1);
    expect(report.takeovers).toBeLessThan(6);
    expect(report.missing).toBe(0);
  });
});
