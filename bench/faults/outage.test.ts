import { systemSuite, tempDir } from '@hostwire/testkit';
import { describe, expect, it } from 'vitest';
import { runBrokerOutage } from './broker-outage.ts';
import { runFailingDisk } from './eio.ts';
import { runFullDisk } from './full-disk.ts';
import { startAllInOne, startApart } from './stack.ts';
import { runStoreOutage, type StoreOutageOptions } from './store-outage.ts';

/** By hand HOSTWIRE_OUTAGE_SECONDS=120: then with an agent's own delays of reconnecting, and with every way in which a store fails. */
const byHand = process.env['HOSTWIRE_OUTAGE_SECONDS'];
const seconds = Number(byHand ?? 5);
const timing = byHand === undefined ? { timing: { maxDelayMs: 2000 } } : {};
/** Longer than a write may take: before that nobody knows that there will be no answer. The others: until the alert has fired. */
const NEVER_SECONDS = 14;
const ALERT_SECONDS = 10;
const MODES: readonly StoreOutageOptions['mode'][] =
  byHand === undefined ? ['503', 'partial'] : ['stopped', '503', '401', '404', '429', 'partial', 'never'];
const timeout = (seconds + 240) * 1000;
const HOWS = byHand === undefined ? (['SIGKILL'] as const) : (['SIGKILL', 'SIGSTOP'] as const);
const EIO_STACKS = [
  ['the embedded store', startAllInOne],
  ['the journals of two workers', startApart],
] as const;
const EXACT = { lost: 0, twice: 0, unknown: 0, left: 0 };

function tell(what: string, report: object): void {
  process.stdout.write(`${what} for ${seconds} s: ${JSON.stringify(report)}\n`);
}

describe('without its broker for a while', () => {
  it.each(HOWS)('an agent of the embedded one hands over all of it soon after (%s)', { timeout }, async (how) => {
    const report = await runBrokerOutage({ folder: tempDir(), start: startAllInOne, how, seconds, hosts: 10, rate: 100, ...timing });
    tell(`embedded broker, ${how}`, report);
    expect(report).toMatchObject(EXACT);
    expect(report.drainSeconds).toBeLessThan(120);
  });
});

systemSuite(['mosquitto', 'influxd'], 'Mosquitto and InfluxDB', () => {
  it.each(HOWS)('lose nothing while the broker is away (%s)', { timeout }, async (how) => {
    const report = await runBrokerOutage({ folder: tempDir(), start: startApart, how, seconds, hosts: 10, rate: 100, ...timing });
    tell(`Mosquitto, ${how}`, report);
    expect(report).toMatchObject(EXACT);
    expect(report.drainSeconds).toBeLessThan(120);
  });

  it.each(MODES)('ingest goes on, and page and alerts stay current, while the store is "%s"', { timeout }, async (mode) => {
    const report = await runStoreOutage({
      ...{ folder: tempDir(), mode, hosts: 10, rate: 200 },
      seconds: Math.max(seconds, mode === 'never' ? NEVER_SECONDS : ALERT_SECONDS),
    });
    tell(`InfluxDB "${mode}"`, report);
    expect(report).toMatchObject(EXACT);
    expect(report.growthMib).toBeLessThan(30);
    expect(report.oldestLiveSeconds).toBeLessThan(3);
    expect(report.alertSeconds).toBeLessThan(8);
    if (mode !== 'stopped') expect(report.refused).toBeGreaterThan(0);
    if (mode === 'partial') expect(report.deadLetters).toBeGreaterThan(0);
    else expect(report.degraded).toContain('store');
  });
});

systemSuite(['strace', 'mosquitto', 'influxd'], 'a disk that answers EIO to every fsync', () => {
  it.each(byHand === undefined ? EIO_STACKS.slice(0, 1) : EIO_STACKS)(
    'under %s acknowledges nothing, and nothing is lost',
    { timeout },
    async (name, start) => {
      const report = await runFailingDisk({ folder: tempDir(), start, seconds: 5, hosts: 10, rate: 100 });
      tell(`EIO under ${name}`, report);
      expect(report).toMatchObject({ ...EXACT, acknowledgedMeanwhile: 0 });
      expect(report.madeMeanwhile).toBeGreaterThan(100);
    },
  );
});

describe('a spool on a full disk', () => {
  it('keeps the agent running, and what is missing is what the gap records count', { timeout }, async ({ skip }) => {
    const report = await runFullDisk(tempDir(), seconds);
    if (report === null) {
      process.stderr.write('skipped: a spool on a full disk, a tmpfs cannot be mounted here\n');
      return skip();
    }
    tell('a full disk', report);
    expect(report.running).toBe(true);
    expect(['full', 'disk']).toEqual(expect.arrayContaining([...report.reasons]));
    expect(report.missing).toBeGreaterThan(0);
    expect(report.counted).toBe(report.missing);
  });
});
