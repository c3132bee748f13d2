import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fixturesDir } from '@hostwire/testkit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cleanRows } from '../clean-rows.ts';
import { mutateText, randomFrom } from '../mutate.testkit.ts';
import { ParseError } from '../proc-text.ts';
import { Readings, TreeHost } from '../tree-host.testkit.ts';
import { amdRocmSmi } from './index.ts';
import { activeClock, parseRocmSmi } from './parse.ts';

const CARD = '/sys/class/drm/card1';
const SYSFS = {
  [`${CARD}/device/device`]: '0x73df\n',
  [`${CARD}/device/unique_id`]: '79ccd55167a2124a\n',
  [`${CARD}/device/gpu_busy_percent`]: '87\n',
  [`${CARD}/device/mem_busy_percent`]: '12\n',
  [`${CARD}/device/mem_info_vram_total`]: '12868124672\n',
  [`${CARD}/device/mem_info_vram_used`]: '1572757504\n',
  [`${CARD}/device/pp_dpm_sclk`]: '0: 500Mhz\n1: 2424Mhz *\n',
  [`${CARD}/device/pp_dpm_mclk`]: '0: 96Mhz *\n1: 1000Mhz\n',
  [`${CARD}/device/drm/renderD129/dev`]: '226:129\n',
  [`${CARD}/device/hwmon/hwmon2/temp1_label`]: 'edge\n',
  [`${CARD}/device/hwmon/hwmon2/temp1_input`]: '45000\n',
  [`${CARD}/device/hwmon/hwmon2/temp2_label`]: 'junction\n',
  [`${CARD}/device/hwmon/hwmon2/temp2_input`]: '47500\n',
  [`${CARD}/device/hwmon/hwmon2/temp3_label`]: 'mem\n',
  [`${CARD}/device/hwmon/hwmon2/temp3_input`]: '-1000\n',
  [`${CARD}/device/hwmon/hwmon2/power1_average`]: '36500000\n',
  [`${CARD}/device/hwmon/hwmon2/pwm1`]: '51\n',
  '/sys/class/drm/card1-DP-1/status': 'connected\n',
  '/sys/class/drm/card0/device/device': '0x56a0\n',
};
const LINKS = {
  [`${CARD}/device/driver`]: '../../../../bus/pci/drivers/amdgpu',
  '/sys/class/drm/card0/device/driver': '../../../../bus/pci/drivers/i915',
};
const command = (args: readonly unknown[]) => `rocm-smi ${args.join(' ')}`;
const ASKED = command(amdRocmSmi.needs?.commands?.[0]?.args ?? []);

describe('amd_rocm_smi', () => {
  it('reads what the kernel tells where rocm-smi is not installed', async () => {
    const rows = await new Readings(amdRocmSmi).readAll(new TreeHost({ files: SYSFS, links: LINKS }));
    expect(rows).toEqual({
      amd_rocm_smi: [
        {
          tags: { name: 'card1', gpu_id: '0x73df', gpu_unique_id: '0x79ccd55167a2124a' },
          fields: {
            utilization_gpu: 87,
            utilization_memory: 12,
            memory_total: 12_868_124_672,
            memory_used: 1_572_757_504,
            memory_free: 11_295_367_168,
            power_draw: 36.5,
            fan_speed: 20,
            clocks_current_sm: 2424,
            clocks_current_memory: 96,
            temperature_sensor_edge: 45,
            temperature_sensor_junction: 47.5,
            temperature_sensor_memory: -1,
          },
        },
      ],
      gpu_process: [],
    });
  });

  it('asks rocm-smi where it is installed, unless told not to', async () => {
    const stdout =
      'WARNING: AMD GPU device(s) is/are in a low-power state\n{"card0": {"GPU use (%)": "5"}, "system": {"Driver version": "6.3.6"}}';
    const access = new TreeHost({ files: SYSFS, links: LINKS, commands: { [ASKED]: { exitCode: 2, stdout, stderr: '' } } });
    expect(await new Readings(amdRocmSmi).read(access)).toEqual([
      { tags: { name: 'card0' }, fields: { utilization_gpu: 5, driver_version: 636 } },
    ]);
    expect((await new Readings(amdRocmSmi, { source: 'sysfs' }).read(access))[0]?.fields['utilization_gpu']).toBe(87);
    const failing = new TreeHost({ commands: { [ASKED]: { exitCode: 1, stdout: '', stderr: 'no driver' } } });
    await expect(new Readings(amdRocmSmi).read(failing)).rejects.toMatchObject({ code: 'exit-1' });
    await expect(new Readings(amdRocmSmi, { source: 'rocm-smi' }).read(new TreeHost())).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('has the processes that compute, by their memory', async () => {
    const files = {
      ...SYSFS,
      '/proc/1/stat': '1 (init) S 0 1 1 0 -1 0 1 0 0 0 5 0 0 0 20 0 1 0 5 4096 1 1\n',
      '/proc/900/stat': '900 (python3) S 1 1 1 0 -1 0 1 0 0 0 5 0 0 0 20 0 1 0 5 4096 1 1\n',
      '/proc/900/status': 'Uid:\t7\t7\t7\t7\n',
      '/sys/class/kfd/kfd/proc/900/vram_51522': '4096\n',
      '/sys/class/kfd/kfd/proc/900/vram_7': '1\n',
      '/sys/class/kfd/kfd/proc/901/vram_51522': '8192\n',
      '/sys/class/kfd/kfd/topology/nodes/0/gpu_id': '0\n',
      '/sys/class/kfd/kfd/topology/nodes/0/properties': 'cpu_cores_count 8\ndrm_render_minor 0\n',
      '/sys/class/kfd/kfd/topology/nodes/1/gpu_id': '51522\n',
      '/sys/class/kfd/kfd/topology/nodes/1/properties': 'simd_count 80\ndrm_render_minor 129\n',
    };
    const rows = await new Readings(amdRocmSmi).read(new TreeHost({ files, links: LINKS }), 0, 'gpu_process');
    expect(rows).toEqual([
      { tags: { vendor: 'amd', gpu: '0', rank: '1' }, fields: { pid: 901, type: 'C', memory_used: 8192 } },
      {
        tags: { vendor: 'amd', gpu: '0', rank: '2' },
        fields: { pid: 900, process_name: 'python3', user: '7', type: 'C', memory_used: 4096 },
      },
    ]);
  });

  it('is there where the driver is', async () => {
    expect(await amdRocmSmi.probe(new TreeHost({ files: SYSFS, links: LINKS }), {})).toEqual({ available: true });
    expect(await amdRocmSmi.probe(new TreeHost(), {})).toEqual({ available: false, reason: 'there is no GPU with the driver amdgpu' });
  });
});

it('gives rows or a ParseError, whatever the text, and never what breaks the declaration', { timeout: 3_600_000 }, () => {
  const text = JSON.stringify({
    card0: { 'GPU ID': '0x1', 'VRAM Total Memory (B)': '5', 'sclk clock speed:': '(500Mhz)', 'Fan speed (%)': '1' },
    system: { 'Driver version': '6.3' },
  });
  for (let seed = 0; seed < Number(process.env['HOSTWIRE_MUTATIONS'] ?? 2000); seed++) {
    try {
      expect(cleanRows({ amd_rocm_smi: parseRocmSmi(mutateText(text, randomFrom(seed))) }, amdRocmSmi.measurements).dropped).toBe(0);
    } catch (error) {
      expect(error, `seed ${seed}`).toBeInstanceOf(ParseError);
    }
  }
  fc.assert(fc.property(fc.string(), (line) => [null, 'number'].includes(activeClock(line) === null ? null : typeof activeClock(line))));
});

const fixtures = fixturesDir();

describe.skipIf(fixtures === null)('recorded output of rocm-smi', () => {
  const folder = join(fixtures ?? '', 'rocm_smi');
  const files = fixtures === null ? [] : readdirSync(folder).filter((name) => name.endsWith('.json'));

  it.each(files)('%s: what stands in it comes out', (name) => {
    const text = readFileSync(join(folder, name), 'utf8');
    const rows = parseRocmSmi(text);
    const cards = Object.entries(JSON.parse(text) as Record<string, Record<string, string>>).filter(([key]) => key.startsWith('card'));
    expect(rows.map(({ tags }) => tags?.['name'])).toEqual(cards.map(([key]) => key));
    for (const [index, [, card]] of cards.entries()) {
      const fields = rows[index]?.fields ?? {};
      const told: Record<string, unknown> = {};
      for (const [key, value] of Object.entries(card)) {
        const field = FIELD_OF[key];
        if (field !== undefined && !/^N\/A/.test(value) && value !== '')
          told[field] = /^\(?[\d.]+(Mhz\))?$/.test(value) ? Number.parseFloat(value.replace('(', '')) : value;
      }
      const { memory_free, driver_version, card_series, ...own } = fields;
      const { card_series: series, ...rest } = told;
      expect(own).toEqual(rest);
      expect(card_series).toBe(series ?? card['Device Name'] ?? card['Card Series']);
      expect(memory_free).toBe(Number(told['memory_total']) - Number(told['memory_used']));
      expect(driver_version === undefined || typeof driver_version === 'number').toBe(true);
      expect(Object.keys(fields).length).toBeGreaterThanOrEqual(12);
    }
  });
});

/** Of the names that rocm-smi has used. */
const FIELD_OF: Readonly<Record<string, string>> = {
  'Temperature (Sensor edge) (C)': 'temperature_sensor_edge',
  'Temperature (Sensor junction) (C)': 'temperature_sensor_junction',
  'Temperature (Sensor memory) (C)': 'temperature_sensor_memory',
  'sclk clock speed:': 'clocks_current_sm',
  'mclk clock speed:': 'clocks_current_memory',
  'fclk clock speed:': 'clocks_current_fabric',
  'dcefclk clock speed:': 'clocks_current_display',
  'socclk clock speed:': 'clocks_current_system',
  'GPU use (%)': 'utilization_gpu',
  'GPU memory use (%)': 'utilization_memory',
  'GPU Memory Allocated (VRAM%)': 'utilization_memory',
  'Fan speed (%)': 'fan_speed',
  'VRAM Total Memory (B)': 'memory_total',
  'VRAM Total Used Memory (B)': 'memory_used',
  'Average Graphics Package Power (W)': 'power_draw',
  'Card series': 'card_series',
  'Card Series': 'card_series',
  'Card model': 'card_model',
  'Card Model': 'card_model',
  'Card vendor': 'card_vendor',
  'Card Vendor': 'card_vendor',
};
