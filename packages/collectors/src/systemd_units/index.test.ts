import { AccessError, type ExecResult } from '@hostwire/host-access';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { settingsOf } from '../config.ts';
import { Readings, TreeHost } from '../tree-host.testkit.ts';
import { systemdUnits } from './index.ts';
import { parseSetNumber, parseTimestamp, parseUnits, parseVersion } from './parse.ts';

const said = (stdout: string): ExecResult => ({ exitCode: 0, stdout, stderr: '' });
const PROPERTIES =
  '--property=Id,Description,LoadState,ActiveState,SubState,UnitFileState,UnitFilePreset,StatusErrno,NRestarts,MainPID,MemoryCurrent,MemoryPeak,MemoryAvailable,MemorySwapCurrent,MemorySwapPeak,ActiveEnterTimestamp';
const unit = (name: string, active = 'active', more = '') =>
  `Id=${name}\nLoadState=loaded\nActiveState=${active}\nSubState=${active === 'active' ? 'running' : 'dead'}\nUnitFileState=enabled\n${more}`;

/** `asked`: pattern -> what it gives; those that failed by the pattern `failed`. */
function host(asked: Readonly<Record<string, string>>, version = '252.39-1~deb12u2'): TreeHost {
  const show = `systemctl show --no-pager ${PROPERTIES} ${Number.parseInt(version, 10) < 247 ? '' : '--timestamp=us+utc '}`;
  return new TreeHost({
    commands: {
      'systemctl show --property=Version': said(`Version=${version}\n`),
      ...Object.fromEntries(
        Object.entries({ failed: '', ...asked }).map(([glob, text]) => [
          `${show}${glob === 'failed' ? '--state=failed -- *' : `-- ${glob}`}`,
          said(text),
        ]),
      ),
    },
  });
}
const names = async (access: TreeHost, options = {}) =>
  (await new Readings(systemdUnits, options).read(access)).map(({ tags }) => tags?.['name']);

describe('systemd_units', () => {
  it('gives what is set of a unit, its states in words and numbers', async () => {
    const full = unit(
      'web.service',
      'active',
      'Description=A <b>web</b> server = "x"\nUnitFilePreset=disabled\nMainPID=7\nNRestarts=3\nMemoryCurrent=4096\nMemoryPeak=[not set]\nMemoryAvailable=infinity\nMemorySwapCurrent=18446744073709551615\nActiveEnterTimestamp=Wed 2026-11-25 16:11:24.887949 UTC\n',
    );
    expect(await new Readings(systemdUnits).read(host({ '*.service': full }))).toEqual([
      {
        tags: { name: 'web.service' },
        fields: {
          ...{ description: 'A <b>web</b> server = "x"', load: 'loaded', active: 'active', sub: 'running', state: 'enabled' },
          ...{ preset: 'disabled', load_code: 0, active_code: 0, sub_code: 0, restarts: 3, pid: 7, mem_current: 4096 },
          active_enter_timestamp_us: 1_795_623_084_887_949,
        },
      },
    ]);
  });

  it('gives units of all kinds that failed, first, and each once', async () => {
    const failed = `${unit('mnt-a.mount', 'failed')}\n${unit('z.service', 'failed')}`;
    const access = host({ failed, '*.service': `${unit('b.service')}\n${unit('z.service', 'failed')}\n${unit('a.service')}` });
    expect(await names(access)).toEqual(['mnt-a.mount', 'z.service', 'a.service', 'b.service']);
    const summary = (from: TreeHost) => new Readings(systemdUnits).read(from, 0, 'systemd');
    expect(await summary(access)).toEqual([{ fields: { units: 4, failed: 2, failed_units: 'mnt-a.mount z.service' } }]);
    expect(await summary(host({ '*.service': '' }))).toEqual([{ fields: { units: 0, failed: 0, failed_units: '' } }]);
  });

  it('leaves out what is made anew each time, unless it is named', async () => {
    const made = [
      ...['sshd@3-192.0.2.1:22-192.0.2.9:4711.service', 'varlink@1-2317-0.service', 'systemd-coredump@1-2-0.service'],
      ...['run-u7.service', 'getty@tty1.service', 'inst@a\\x2db-c.service'],
    ].map((name) => unit(name, 'failed', name.startsWith('run-') ? 'UnitFileState=transient\n' : ''));
    const asked = { failed: made.join('\n'), '*.service': made.join('\n'), 'run-u7.service': made[3] ?? '' };
    expect(await names(host(asked))).toEqual(['getty@tty1.service', 'inst@a\\x2db-c.service']);
    expect(await names(host(asked), { units: ['run-u7.service'] })).toContain('run-u7.service');
    expect(await names(host(asked), { ignore: ['*'] })).toEqual([]);
  });

  it('asks an older systemctl without what it does not know, and takes no time of a zone that it cannot tell', async () => {
    const text = (zone: string) => unit('a.service', 'active', `ActiveEnterTimestamp=Wed 2026-11-25 16:11:24 ${zone}\n`);
    const since = async (zone: string, version: string) =>
      (await new Readings(systemdUnits).read(host({ '*.service': text(zone) }, version)))[0]?.fields['active_enter_timestamp_us'];
    expect(await since('CET', '239')).toBeUndefined();
    expect(await since('UTC', '239')).toBe(1_795_623_084_000_000);
    expect(await since('UTC', '256')).toBe(1_795_623_084_000_000);
  });

  it('reports a bounded number of units', async () => {
    const units = Array.from({ length: 400 }, (_, index) => unit(`u${index}.service`, index === 399 ? 'failed' : 'active'));
    const readings = new Readings(systemdUnits);
    const rows = await readings.read(host({ '*.service': units.join('\n') }));
    expect(rows).toHaveLength(300);
    expect(rows[0]?.tags).toEqual({ name: 'u399.service' });
    expect(readings.reported).toMatchObject([{ code: 'too-large' }]);
  });

  it('is not there where systemd is not the first process, and an error where it fails later', async () => {
    const text = "System has not been booted with systemd as init system (PID 1). Can't operate.\nFailed to connect to bus: Host is down\n";
    const none = { 'systemctl show --property=Version': { exitCode: 1, stdout: '', stderr: text } };
    const capability = { available: false, reason: expect.stringContaining('not been booted with systemd') };
    expect(await systemdUnits.probe(new TreeHost({ commands: none }), {})).toEqual(capability);
    expect(await systemdUnits.probe(new TreeHost(), {})).toMatchObject({ available: false });
    expect(await systemdUnits.probe(host({}), {})).toEqual({ available: true });
    const access = host({});
    for (const key of Object.keys(access.commands).slice(1)) access.commands[key] = { exitCode: 1, stdout: '', stderr: 'Failed: x' };
    await expect(new Readings(systemdUnits).read(access)).rejects.toMatchObject({ code: 'exit-1' });
    for (const key of Object.keys(access.commands)) access.commands[key] = new AccessError('timeout', 'no answer');
    await expect(new Readings(systemdUnits).read(access)).rejects.toMatchObject({ code: 'timeout' });
  });

  it.each(['-x', 'a b', '', '$(id)', '../x', 'a;b', 'a\n'])('takes no unit %j', (bad) => {
    expect(() => settingsOf(systemdUnits, { systemd_units: { units: [bad] } })).toThrow('units');
  });
});

describe('parseUnits', () => {
  it('takes any value for what it is, and no other name for a unit', () => {
    const value = fc.string({ unit: fc.constantFrom('=', 'Id', 'Id=', ' ', '\\x2d', '"', '[not set]', '\u00e9', '\r') });
    fc.assert(
      fc.property(value, value, (description, other) => {
        const text = `Description=${description}\nId=a@b\\x2dc.service\n\nId=b.mount\nDescription=${other}\n`;
        const units = parseUnits(text);
        expect([...units.keys()]).toEqual(['a@b\\x2dc.service', 'b.mount']);
        expect(units.get('b.mount')?.get('Description')).toBe(other);
      }),
    );
  });

  it.each(['x', 'Description=a', 'Id=a b', 'Id=../a', '=a', `Id=${'a'.repeat(256)}`])('throws a ParseError at %j', (text) => {
    expect(() => parseUnits(text)).toThrow(expect.objectContaining({ code: 'parse' }));
  });
});

it('reads versions, numbers and times', () => {
  expect(parseVersion('Version=v255.4-1.fc39\n')).toBe(255);
  expect(() => parseVersion('Version=\n')).toThrow('is not a version');
  expect(parseSetNumber('9223372036854775807')).toBe(9223372036854775807n);
  expect([undefined, '', '-1', '1.5', 'infinity', '18446744073709551615'].map(parseSetNumber)).toEqual(Array(6).fill(undefined));
  expect(parseTimestamp('Tue 1970-01-06 00:00:00.5 UTC')).toBe(432_000_500_000);
  expect([undefined, '', 'n/a', 'Tue 2026-99-99 10:00:00 UTC', 'Tue 2026-11-24 10:00:00 CET'].map(parseTimestamp)).toEqual(
    Array(5).fill(undefined),
  );
});
