import { existsSync } from 'node:fs';
import { cpus, totalmem, uptime } from 'node:os';
import { LocalHost } from '@hostwire/host-access';
import { describe, expect, it } from 'vitest';
import { cpu } from './cpu/index.ts';
import { mem } from './mem/index.ts';
import { net } from './net/index.ts';
import { processes } from './processes/index.ts';
import { system } from './system/index.ts';
import { Readings } from './tree-host.testkit.ts';

const access = new LocalHost();

/** Beside what Node.js asks of the same kernel by system calls. */
describe.skipIf(!existsSync('/proc/stat'))('this machine', () => {
  it('has the memory that it has', async () => {
    const [row] = await new Readings(mem).read(access);
    expect(row?.fields['total']).toBe(totalmem());
    expect(row?.fields['used_percent']).toBeGreaterThan(0);
    expect(row?.fields['used_percent']).toBeLessThan(100);
  });

  it('has its processors and its uptime', async () => {
    const [row] = await new Readings(system).read(access);
    expect(row?.fields['n_cpus']).toBe(cpus().length);
    expect(Math.abs(Number(row?.fields['uptime']) - uptime())).toBeLessThan(60);
  });

  it('spends its time in parts that sum to 100, and sees itself work', async () => {
    const readings = new Readings(cpu);
    const busy = new Readings(processes);
    await readings.read(access);
    await busy.read(access, performance.now(), 'process_top');
    const end = performance.now() + 300;
    while (performance.now() < end);
    const rows = await readings.read(access);
    const [total] = rows;
    expect(total?.tags).toEqual({ cpu: 'cpu-total' });
    const { usage_active, ...parts } = total?.fields ?? {};
    expect(Object.values(parts).reduce((sum: number, part) => sum + Number(part), 0)).toBeCloseTo(100, 6);
    expect(usage_active).toBeGreaterThan(0);
    const top = await busy.read(access, performance.now(), 'process_top');
    const self = top.find(({ tags, fields }) => tags?.['by'] === 'cpu' && fields['pid'] === process.pid);
    expect(self?.fields['cpu_usage']).toBeGreaterThan(0);
  });

  it('counts its processes, this one among them', async () => {
    const [row] = await new Readings(processes).read(access);
    expect(row?.fields['total']).toBeGreaterThan(1);
    expect(row?.fields['running']).toBeGreaterThan(0);
    expect(row?.fields['total_threads']).toBeGreaterThanOrEqual(Number(row?.fields['total']));
  });

  it('has no interface lo among those that it reports', async () => {
    const rows = await new Readings(net).read(access);
    expect(rows.map(({ tags }) => tags?.['interface'])).not.toContain('lo');
  });
});
