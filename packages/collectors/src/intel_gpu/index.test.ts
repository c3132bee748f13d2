import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expectSoundRows } from '../mutated.testkit.ts';
import { Readings, TreeHost } from '../tree-host.testkit.ts';
import { intelGpu } from './index.ts';
import { gtFields, gtFiles, SENSOR_FILES, sensorFields } from './parse.ts';

const CARD = '/sys/class/drm/card0';
const host = (driver: string, files: Record<string, string>) =>
  new TreeHost({
    files: {
      [`${CARD}/device/device`]: '0x56a0\n',
      ...Object.fromEntries(Object.entries(files).map(([path, text]) => [`${CARD}/${path}`, text])),
    },
    links: { [`${CARD}/device/driver`]: `../../../bus/pci/drivers/${driver}` },
  });

describe('intel_gpu', () => {
  it('gives rows as declared, or one clear error, whatever became of the files', { timeout: 3_600_000 }, async () => {
    const files = {
      'gt/gt0/rps_act_freq_mhz': '1200\n',
      'gt/gt0/rps_max_freq_mhz': '2400\n',
      'gt/gt0/rc6_residency_ms': '5000\n',
      'device/hwmon/hwmon3/energy1_input': '81000000\n',
      'device/hwmon/hwmon3/power1_max': '190000000\n',
      'device/hwmon/hwmon3/temp1_input': '54500\n',
      'device/hwmon/hwmon3/fan1_input': '1450\n',
    };
    await expectSoundRows(intelGpu, host('i915', files));
  });

  it('gives clocks, sleep and power of a card with the driver i915', async () => {
    const at = (asleep: number, energy: number) =>
      host('i915', {
        'gt/gt0/rps_act_freq_mhz': '1200\n',
        'gt/gt0/rps_cur_freq_mhz': '1300\n',
        'gt/gt0/rps_min_freq_mhz': '300\n',
        'gt/gt0/rps_max_freq_mhz': '2400\n',
        'gt/gt0/rps_RP0_freq_mhz': '2450\n',
        'gt/gt0/rc6_residency_ms': `${asleep}\n`,
        'gt/gt1/rps_act_freq_mhz': '0\n',
        'device/hwmon/hwmon3/energy1_input': `${energy}\n`,
        'device/hwmon/hwmon3/power1_max': '190000000\n',
        'device/hwmon/hwmon3/temp1_input': '54500\n',
        'device/hwmon/hwmon3/fan1_input': '1450\n',
      });
    const readings = new Readings(intelGpu);
    await readings.readAll(at(5000, 1_000_000), 10_000);
    // 2 s later: 0.5 s asleep, 80 J.
    expect(await readings.readAll(at(5500, 81_000_000), 12_000)).toEqual({
      intel_gpu: [
        {
          tags: { name: 'card0', gpu_id: '0x56a0' },
          fields: { power_limit: 190, fan_speed_rpm: 1450, temperature_gpu: 54.5, power_draw: 40 },
        },
      ],
      intel_gpu_gt: [
        {
          tags: { name: 'card0', gpu_id: '0x56a0', gt: 'gt0' },
          fields: {
            frequency_actual: 1200,
            frequency_requested: 1300,
            frequency_min: 300,
            frequency_max: 2400,
            frequency_rp0: 2450,
            rc6_residency_ms: 5500,
            awake_percent: 75,
          },
        },
        { tags: { name: 'card0', gpu_id: '0x56a0', gt: 'gt1' }, fields: { frequency_actual: 0 } },
      ],
    });
    // The counters began anew.
    const anew = await readings.readAll(at(10, 5), 14_000);
    expect(anew['intel_gpu']?.[0]?.fields).not.toHaveProperty('power_draw');
    expect(anew['intel_gpu_gt']?.[0]?.fields).not.toHaveProperty('awake_percent');
  });

  it('reads an older i915, and xe, each where it tells', async () => {
    const old = host('i915', { gt_act_freq_mhz: '350\n', 'power/rc6_residency_ms': '77\n' });
    expect(await new Readings(intelGpu).read(old, 0, 'intel_gpu_gt')).toMatchObject([
      { tags: { gt: 'gt0' }, fields: { frequency_actual: 350, rc6_residency_ms: 77 } },
    ]);
    const xe = host('xe', {
      'device/tile0/gt0/freq0/act_freq': '600\n',
      'device/tile0/gt0/gtidle/idle_residency_ms': '9\n',
      'device/tile0/gt1/freq0/max_freq': '1500\n',
      'device/hwmon/hwmon0/temp2_label': 'pkg\n',
      'device/hwmon/hwmon0/temp2_input': '41000\n',
      'device/hwmon/hwmon0/temp3_label': 'vram\n',
      'device/hwmon/hwmon0/temp3_input': '50000\n',
    });
    const rows = await new Readings(intelGpu).readAll(xe);
    expect(rows['intel_gpu']).toMatchObject([{ fields: { temperature_gpu: 41, temperature_memory: 50 } }]);
    expect(rows['intel_gpu_gt']?.map(({ tags, fields }) => [tags?.['gt'], fields])).toEqual([
      ['gt0', { frequency_actual: 600, rc6_residency_ms: 9 }],
      ['gt1', { frequency_max: 1500 }],
    ]);
  });

  it('is there where such a card is', async () => {
    expect(await intelGpu.probe(host('xe', {}), {})).toEqual({ available: true });
    expect(await intelGpu.probe(host('amdgpu', {}), {})).toEqual({
      available: false,
      reason: 'there is no GPU with the driver i915 or xe',
    });
    expect(await intelGpu.probe(new TreeHost(), {})).toMatchObject({ available: false });
  });
});

it('gives whole numbers or nothing, whatever stands in the files', () => {
  const [part] = gtFiles('xe', '/c', ['gt0']);
  const text = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('1e999', '-1', 'NaN', '99999999999999999999', '5'));
  fc.assert(
    fc.property(text, (value) => {
      const paths = part === undefined ? [] : Object.values(part.files).flat();
      const fields = part === undefined ? {} : gtFields(part, new Map(paths.map((path) => [path, value])));
      const sensors = sensorFields(new Map(SENSOR_FILES.map((file) => [file, value])));
      for (const number of [...Object.values(fields), ...Object.values(sensors.fields)]) expect(number).toSatisfy(Number.isFinite);
    }),
  );
});
