import { AccessError, type ExecResult } from '@hostwire/host-access';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expectSoundRows } from '../mutated.testkit.ts';
import { Readings, TreeHost } from '../tree-host.testkit.ts';
import { rpi } from './index.ts';
import { parseThrottled } from './parse.ts';

const MODEL = { '/proc/device-tree/model': 'Raspberry Pi 4 Model B Rev 1.4\0' };
const FIRMWARE = '/sys/devices/platform/soc/soc:firmware/get_throttled';
const CLOCK = '/sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq';
const said = (stdout: string, exitCode = 0): ExecResult => ({
  exitCode,
  stdout,
  stderr: exitCode === 0 ? '' : 'VCHI initialization failed',
});

const pi = (throttled: string) =>
  new TreeHost({
    files: { ...MODEL, [CLOCK]: '1500000\n' },
    commands: { 'vcgencmd get_throttled': said(throttled), 'vcgencmd measure_volts core': said('volt=0.8600V\n') },
  });

describe('rpi', () => {
  it('tells what is so now from what was so since boot', async () => {
    expect(await new Readings(rpi).read(pi('throttled=0x50005\n'), 0, 'rpi_throttled')).toEqual([
      {
        fields: {
          under_voltage: true,
          under_voltage_occurred: true,
          frequency_capped: false,
          frequency_capped_occurred: false,
          throttled: true,
          throttled_occurred: true,
          soft_temp_limit: false,
          soft_temp_limit_occurred: false,
          core_voltage: 0.86,
          arm_clock: 1_500_000_000,
        },
      },
    ]);
  });

  it('asks the kernel where it has the file, and does without vcgencmd then', async () => {
    const access = new TreeHost({ files: { ...MODEL, [FIRMWARE]: 'e0008\n' } });
    const readings = new Readings(rpi);
    const [row] = await readings.read(access, 0, 'rpi_throttled');
    expect(row?.fields).toMatchObject({
      soft_temp_limit: true,
      throttled: false,
      frequency_capped_occurred: true,
      under_voltage_occurred: false,
    });
    expect(Object.keys(row?.fields ?? {})).toHaveLength(8);
    expect([readings.reported, access.asked.includes('vcgencmd get_throttled')]).toEqual([[], false]);
  });

  it('is available on a Raspberry Pi, and says what is missing there', async () => {
    const probe = (tree: ConstructorParameters<typeof TreeHost>[0]) => rpi.probe(new TreeHost(tree), {});
    expect(await probe({})).toEqual({ available: false, reason: 'not a Raspberry Pi' });
    expect(await probe({ files: { '/proc/device-tree/model': 'Radxa ROCK 5B\0' } })).toMatchObject({ available: false });
    expect(await probe({ files: { ...MODEL, [FIRMWARE]: '0\n' } })).toEqual({ available: true });
    expect(await rpi.probe(pi('throttled=0x0\n'), {})).toEqual({ available: true });
    expect(await probe({ files: MODEL })).toMatchObject({ available: false, hint: /raspi-utils/ });
    expect(await probe({ files: MODEL, commands: { 'vcgencmd get_throttled': said('', 255) } })).toMatchObject({
      hint: /usermod -aG video/,
    });
    const denied = new AccessError('EACCES', 'vcgencmd: permission denied');
    expect(await probe({ files: MODEL, commands: { 'vcgencmd get_throttled': denied } })).toMatchObject({ hint: /usermod -aG video/ });
  });

  it('fails when the firmware can no longer be asked', async () => {
    await expect(new Readings(rpi).read(pi('VCHI initialization failed'))).rejects.toMatchObject({ code: 'parse' });
  });

  it('gives rows as declared, or one clear error, whatever became of the answers', { timeout: 3_600_000 }, async () => {
    await expectSoundRows(rpi, pi('throttled=0x50005\n'));
  });
});

it('each of the eight flags is a bit of its own', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 0xffffffff }), (word) => {
      const flags = parseThrottled(`throttled=0x${word.toString(16)}`);
      const bits = { under_voltage: 0, frequency_capped: 1, throttled: 2, soft_temp_limit: 3 };
      for (const [name, bit] of Object.entries(bits)) {
        expect([flags[name], flags[`${name}_occurred`]]).toEqual([
          (BigInt(word) >> BigInt(bit)) % 2n === 1n,
          (BigInt(word) >> BigInt(bit + 16)) % 2n === 1n,
        ]);
      }
    }),
  );
});
