import { LocalHost } from '@hostwire/host-access';
import { fixturesDir } from '@hostwire/testkit';
import { describe, expect, it } from 'vitest';
import { Readings, TreeHost } from '../tree-host.testkit.ts';
import { system } from './index.ts';
import { countCpuList } from './parse.ts';

const BASE = { '/proc/loadavg': '0.21 0.37 0.39 1/719 19737\n', '/proc/uptime': '93661.87 300000.00\n' };

describe('system', () => {
  it('counts online processors, and cores by their threads where /proc/cpuinfo does not tell', async () => {
    const files = {
      ...BASE,
      '/proc/cpuinfo': 'processor\t: 0\nBogoMIPS\t: 108.00\n\nprocessor\t: 1\n',
      '/sys/devices/system/cpu/online': '0-3\n',
      ...Object.fromEntries(
        [0, 1, 2, 3].map((n) => [`/sys/devices/system/cpu/cpu${n}/topology/thread_siblings_list`, n < 2 ? '0-1\n' : '2-3\n']),
      ),
    };
    expect(await new Readings(system).read(new TreeHost({ files }))).toEqual([
      { fields: { load1: 0.21, load5: 0.37, load15: 0.39, uptime: 93_661, n_cpus: 4, n_physical_cpus: 2 } },
    ]);
  });

  it('counts cores anew only when a processor comes or goes', async () => {
    const files: Record<string, string> = {
      ...BASE,
      '/proc/cpuinfo': 'processor: 0\ncore id: 0\n',
      '/sys/devices/system/cpu/online': '0\n',
    };
    const access = new TreeHost({ files });
    const readings = new Readings(system);
    await readings.read(access);
    await readings.read(access);
    expect(access.asked.filter((path) => path === '/proc/cpuinfo')).toHaveLength(1);
    files['/sys/devices/system/cpu/online'] = '0-1\n';
    const [row] = await readings.read(access);
    expect(row?.fields['n_cpus']).toBe(2);
  });

  it('counts sessions of users, and never opens the named pipes beside them', async () => {
    const session = (user: string, kind: string, state = 'active') => `UID=1\nUSER=${user}\nACTIVE=1\nSTATE=${state}\nCLASS=${kind}\n`;
    const access = new TreeHost({
      files: {
        ...BASE,
        '/run/systemd/sessions/1': session('anna', 'user'),
        '/run/systemd/sessions/1.ref': 'a pipe',
        '/run/systemd/sessions/2': session('anna', 'user'),
        '/run/systemd/sessions/3': session('bert', 'user'),
        '/run/systemd/sessions/4': session('bert', 'user', 'closing'),
        '/run/systemd/sessions/c1': session('gdm', 'greeter'),
        '/run/systemd/sessions/c2': session('anna', 'manager'),
      },
    });
    const [row] = await new Readings(system).read(access);
    expect(row?.fields).toMatchObject({ n_users: 3, n_unique_users: 2 });
    expect(access.asked).not.toContain('/run/systemd/sessions/1.ref');
  });

  it('has no number of users where that is not known', async () => {
    const [row] = await new Readings(system).read(new TreeHost({ files: BASE }));
    expect(Object.keys(row?.fields ?? {})).toEqual(['load1', 'load5', 'load15', 'uptime']);
  });
});

it('counts the processors of a list', () => {
  expect(countCpuList('0\n')).toBe(1);
  expect(countCpuList('0-3,8,10-11\n')).toBe(7);
  expect(() => countCpuList('3-1')).toThrow('cpu list');
});

it.skipIf(fixturesDir() === null)('system of the recorded server has the values that stand there', async () => {
  expect(await new Readings(system).read(new LocalHost({ root: fixturesDir() as string }))).toEqual([
    { fields: { load1: 0.21, load5: 0.37, load15: 0.39, n_cpus: 8, n_physical_cpus: 4 } },
  ]);
});
