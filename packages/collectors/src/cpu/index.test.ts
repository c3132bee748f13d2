import { LocalHost } from '@hostwire/host-access';
import { fixturesDir } from '@hostwire/testkit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Readings, TreeHost } from '../tree-host.testkit.ts';
import { cpu } from './index.ts';
import { type CpuTimes, cpuUsage, parseCpuTimes } from './parse.ts';

const jiffies = fc.integer({ min: 0, max: 2 ** 40 });
const times: fc.Arbitrary<CpuTimes> = fc.record({
  user: jiffies,
  nice: jiffies,
  system: jiffies,
  idle: jiffies,
  iowait: jiffies,
  irq: jiffies,
  softirq: jiffies,
  steal: jiffies,
  guest: jiffies,
  guest_nice: jiffies,
});
const stat = (...lines: string[]) => new TreeHost({ files: { '/proc/stat': `${lines.join('\n')}\nintr 1 2 3\nctxt 5\n` } });

describe('cpu', () => {
  it('gives nothing at the first reading, then percentages of the time between the two', async () => {
    const readings = new Readings(cpu);
    expect(await readings.read(stat('cpu  100 0 50 800 40 0 10 0 20 0', 'cpu0 100 0 50 800 40 0 10 0 20 0'))).toEqual([]);
    const rows = await readings.read(stat('cpu  140 10 60 830 45 1 12 2 30 5', 'cpu0 140 10 60 830 45 1 12 2 30 5'));
    // 100 jiffies passed: user 40 (10 of them for guests), nice 10 (5), system 10, idle 30, iowait 5, irq 1, softirq 2, steal 2.
    const fields = {
      usage_user: 30,
      usage_nice: 5,
      usage_system: 10,
      usage_idle: 30,
      usage_iowait: 5,
      usage_irq: 1,
      usage_softirq: 2,
      usage_steal: 2,
      usage_guest: 10,
      usage_guest_nice: 5,
      usage_active: 70,
    };
    expect(rows).toEqual([
      { tags: { cpu: 'cpu-total' }, fields },
      { tags: { cpu: 'cpu0' }, fields },
    ]);
  });

  it('leaves out a core of which no time passed, or that has only just come', async () => {
    const readings = new Readings(cpu);
    await readings.read(stat('cpu 10 0 0 10', 'cpu0 10 0 0 10'));
    const rows = await readings.read(stat('cpu 20 0 0 20', 'cpu0 10 0 0 10', 'cpu1 10 0 0 10'));
    expect(rows.map(({ tags }) => tags?.['cpu'])).toEqual(['cpu-total']);
  });

  it('takes a counter that went back as unchanged', async () => {
    const readings = new Readings(cpu);
    await readings.read(stat('cpu 10 0 0 100 50'));
    const [row] = await readings.read(stat('cpu 20 0 0 110 30'));
    expect(row?.fields).toMatchObject({ usage_user: 50, usage_idle: 50, usage_iowait: 0, usage_active: 50 });
  });

  it('reports the whole machine alone if asked to', async () => {
    const readings = new Readings(cpu, { per_core: false });
    await readings.read(stat('cpu 10 0 0 10', 'cpu0 10 0 0 10'));
    expect(await readings.read(stat('cpu 20 0 0 20', 'cpu0 20 0 0 20'))).toHaveLength(1);
  });
});

it('usages of any two readings are percentages whose parts sum to 100, or nothing', () => {
  fc.assert(
    fc.property(times, times, (before, after) => {
      const usage = cpuUsage(before, after);
      if (usage === null) return;
      const { usage_active, ...parts } = usage;
      for (const value of Object.values(usage)) expect(value >= 0 && value <= 100.000_001).toBe(true);
      expect(Object.values(parts).reduce((sum, part) => sum + part)).toBeCloseTo(100, 6);
      expect(usage_active + parts.usage_idle).toBeCloseTo(100, 6);
    }),
  );
});

describe.skipIf(fixturesDir() === null)('cpu of the recorded server', () => {
  it('has the jiffies that stand there, of 8 cores and the whole', async () => {
    const text = await new LocalHost({ root: fixturesDir() as string }).readFile('/proc/stat');
    const recorded = parseCpuTimes(text);
    expect([...recorded.keys()]).toEqual(['cpu-total', ...Array.from({ length: 8 }, (_, core) => `cpu${core}`)]);
    expect(recorded.get('cpu-total')).toEqual({
      user: 301_854,
      nice: 612,
      system: 111_922,
      idle: 8_979_004,
      iowait: 3552,
      irq: 2,
      softirq: 3944,
      steal: 0,
      guest: 44,
      guest_nice: 36,
    });
  });

  it('gives the mean since boot when it is read after a machine that just started', async () => {
    const readings = new Readings(cpu);
    await readings.read(stat('cpu 0 0 0 0', 'cpu0 0 0 0 0'));
    const [total] = await readings.read(new LocalHost({ root: fixturesDir() as string }));
    // Sum of the columns but guest: 9,400,890 jiffies.
    expect(total?.fields['usage_idle']).toBeCloseTo((100 * 8_979_004) / 9_400_890, 6);
    expect(total?.fields['usage_user']).toBeCloseTo((100 * (301_854 - 44)) / 9_400_890, 6);
  });
});
