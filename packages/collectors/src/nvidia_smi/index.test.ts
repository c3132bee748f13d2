import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AccessError, type ExecResult } from '@hostwire/host-access';
import { fixturesDir } from '@hostwire/testkit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cleanRows } from '../clean-rows.ts';
import { mutateText, randomFrom } from '../mutate.testkit.ts';
import { ParseError } from '../proc-text.ts';
import { PANE_FORMAT, SESSION_FORMAT } from '../tmux/parse.ts';
import { Readings, TreeHost } from '../tree-host.testkit.ts';
import { nvidiaSmi } from './index.ts';
import { parseNvidiaSmi } from './parse.ts';

const said = (stdout: string, exitCode = 0): ExecResult => ({ exitCode, stdout, stderr: '' });
const log = (gpus: string) => `<?xml version="1.0" ?>
<!DOCTYPE nvidia_smi_log SYSTEM "nvsmi_device_v12.dtd">
<nvidia_smi_log><driver_version>550.54</driver_version><cuda_version>12.4</cuda_version>${gpus}</nvidia_smi_log>`;

/** After NVIDIA's schema nvsmi_device_v12.dtd. */
const DIVIDED = `<gpu id="00000000:01:00.0"><product_name>NVIDIA A100</product_name><product_architecture>Ampere</product_architecture>
<uuid>GPU-1</uuid><performance_state>P0</performance_state><compute_mode>Default</compute_mode>
<mig_mode><current_mig>Enabled</current_mig></mig_mode>
<mig_devices>
  <mig_device><index>0</index><gpu_instance_id>3</gpu_instance_id><compute_instance_id>0</compute_instance_id>
    <ecc_error_count><volatile_count><sram_uncorrectable>2</sram_uncorrectable></volatile_count></ecc_error_count>
    <fb_memory_usage><total>19968 MiB</total><reserved>0 MiB</reserved><used>12 MiB</used><free>19955 MiB</free></fb_memory_usage>
    <bar1_memory_usage><total>32767 MiB</total><used>1 MiB</used><free>32766 MiB</free></bar1_memory_usage></mig_device>
  <mig_device><index>1</index><gpu_instance_id>4</gpu_instance_id><compute_instance_id>1</compute_instance_id>
    <fb_memory_usage><total>N/A</total><used>14 MiB</used></fb_memory_usage></mig_device>
</mig_devices>
<temperature><gpu_temp>-3 C</gpu_temp><memory_temp>N/A</memory_temp></temperature>
<utilization><gpu_util>N/A</gpu_util></utilization>
<ecc_mode><current_ecc>Enabled</current_ecc></ecc_mode></gpu>`;
const info = (pid: number, used: string, name = 'x', type = 'C') =>
  `<process_info><pid>${pid}</pid><type>${type}</type><process_name>${name}</process_name><used_memory>${used}</used_memory></process_info>`;
const card = (processes: string) => log(`<gpu><uuid>GPU-1</uuid><processes>${processes}</processes></gpu>`);

describe('nvidia_smi', () => {
  it('gives a divided GPU and its parts', async () => {
    const rows = await new Readings(nvidiaSmi).readAll(new TreeHost({ commands: { 'nvidia-smi -q -x': said(log(DIVIDED)) } }));
    const tags = { name: 'NVIDIA A100', uuid: 'GPU-1', compute_mode: 'Default', arch: 'Ampere' };
    expect(rows).toEqual({
      nvidia_smi: [
        {
          tags: { index: '0', ...tags },
          fields: { pstate: 'P0', temperature_gpu: -3, current_ecc: 'Enabled', driver_version: '550.54', cuda_version: '12.4' },
        },
      ],
      nvidia_smi_mig: [
        {
          tags: { index: '0', gpu_index: '3', compute_index: '0', ...tags },
          fields: {
            pstate: 'P0',
            memory_fb_total: 19_968,
            memory_fb_used: 12,
            memory_fb_free: 19_955,
            memory_fb_reserved: 0,
            memory_bar1_total: 32_767,
            memory_bar1_used: 1,
            memory_bar1_free: 32_766,
            sram_uncorrectable: 2,
          },
        },
        { tags: { index: '1', gpu_index: '4', compute_index: '1', ...tags }, fields: { pstate: 'P0', memory_fb_used: 14 } },
      ],
      gpu_process: [],
    });
  });

  it('says of processes whose they are, without their arguments', async () => {
    const id = 'ab'.repeat(32);
    const status = (uid: number) => `Name:\tx\nUid:\t${uid}\t0\t0\t0\n`;
    const stat = (pid: number, name: string, parent: number) =>
      `${pid} (${name}) S ${parent} 1 1 0 -1 0 1 0 0 0 5 0 0 0 20 0 1 0 5 4096 1 1\n`;
    const access = new TreeHost({
      files: {
        '/etc/passwd': 'root:x:0:0::/root:/bin/sh\nanna:x:1000:1000::/home/anna:/bin/sh\n',
        '/proc/net/unix': '0: 00000002 00000000 00010000 0001 01 7 /tmp/tmux-1000/default\n',
        '/proc/self/status': status(1000),
        '/proc/1/stat': stat(1, 'init', 0),
        '/proc/20/stat': stat(20, 'bash', 1),
        '/proc/21/stat': stat(21, 'python3', 20),
        '/proc/21/status': status(1000),
        '/proc/21/cgroup': '0::/user.slice/user-1000.slice/session-2.scope\n',
        '/proc/30/status': status(0),
        '/proc/30/cgroup': `0::/system.slice/docker-${id}.scope\n`,
        '/proc/31/cgroup': `12:devices:/docker/${'cd'.repeat(32)}\n`,
      },
      commands: {
        'nvidia-smi -q -x': said(
          card(
            info(30, '70 MiB', '/usr/bin/serve --password SECRET') +
              info(21, '900 MiB', '[Insufficient Permissions]') +
              info(21, '100 MiB', 'y', 'G') +
              info(31, 'N/A', '', 'G'),
          ),
        ),
        [`tmux -u -L default list-sessions -F ${SESSION_FORMAT} ; list-panes -a -F ${PANE_FORMAT}`]:
          said('s:$0:1:1:0:0:1:train\np:$0:20:0\n'),
      },
      requests: {
        'unix:/var/run/docker.sock /containers/json': { status: 200, headers: {}, body: `[{"Id":"${id}","Names":["/llm"]}]` },
      },
    });
    const readings = new Readings(nvidiaSmi);
    expect(await readings.read(access, 0, 'gpu_process')).toEqual([
      {
        tags: { vendor: 'nvidia', gpu: '0', rank: '1' },
        fields: { pid: 21, process_name: 'python3', user: 'anna', type: 'C+G', session: 'anna:train', memory_used: 1000 * 2 ** 20 },
      },
      {
        tags: { vendor: 'nvidia', gpu: '0', rank: '2' },
        fields: { pid: 30, process_name: '/usr/bin/serve', user: 'root', type: 'C', container: 'llm', memory_used: 70 * 2 ** 20 },
      },
      { tags: { vendor: 'nvidia', gpu: '0', rank: '3' }, fields: { pid: 31, type: 'G', container: 'cdcdcdcdcdcd' } },
    ]);
    expect(readings.reported).toEqual([]);
    expect(await new Readings(nvidiaSmi, { processes: false }).read(access, 0, 'gpu_process')).toEqual([]);
  });

  it('names the ten that use most of each GPU', async () => {
    const many = Array.from({ length: 30 }, (_, index) => info(index + 100, `${index} MiB`)).join('');
    const text = log(`<gpu><processes>${many}</processes></gpu><gpu><processes>${info(7, '1 MiB')}</processes></gpu>`);
    const rows = await new Readings(nvidiaSmi).read(new TreeHost({ commands: { 'nvidia-smi -q -x': said(text) } }), 0, 'gpu_process');
    expect(rows.map(({ tags, fields }) => [tags?.['gpu'], tags?.['rank'], fields['pid']])).toEqual([
      ...Array.from({ length: 10 }, (_, index) => ['0', String(index + 1), 129 - index]),
      ['1', '1', 7],
    ]);
  });

  it('is not there without nvidia-smi, and says why it cannot be used', async () => {
    expect(await nvidiaSmi.probe(new TreeHost(), {})).toEqual({ available: false, reason: 'nvidia-smi cannot be run (ENOENT)' });
    const failing = said("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.\n", 9);
    const access = new TreeHost({ commands: { 'nvidia-smi -L': failing, 'nvidia-smi -q -x': failing } });
    expect(await nvidiaSmi.probe(access, {})).toMatchObject({ available: false, reason: expect.stringContaining('driver') });
    await expect(new Readings(nvidiaSmi).readAll(access)).rejects.toMatchObject({ code: 'exit-9' });
    const damaged = new TreeHost({ commands: { 'nvidia-smi -q -x': said(log('<gpu><uuid>GPU-1</uuid></gpu>'), 14) } });
    expect((await new Readings(nvidiaSmi).readAll(damaged))['nvidia_smi']).toHaveLength(1);
    await expect(new Readings(nvidiaSmi).readAll(new TreeHost())).rejects.toBeInstanceOf(AccessError);
  });
});

const WORDS = [
  '<gpu>',
  '</gpu>',
  '<nvidia_smi_log>',
  '<fb_memory_usage>',
  '<total>',
  '1 MiB',
  '<__proto__>',
  '<constructor>',
  '&a;',
  '<!DOCTYPE a [',
];

it('is not held up by a host that tells of GPUs without end', async () => {
  const began = performance.now();
  await expect(parseNvidiaSmi(log('<gpu><a/></gpu>'.repeat(100_000)))).rejects.toThrow(ParseError);
  expect(performance.now() - began).toBeLessThan(5000);
});

it('gives values or a ParseError, whatever the text, and never what breaks the declaration', { timeout: 3_600_000 }, async () => {
  const [garbage, whole] = [fc.array(fc.constantFrom(...WORDS)), `${DIVIDED}<gpu><processes>${info(1, '5 MiB')}</processes></gpu>`];
  const texts = fc.sample(garbage, 200).map((words) => words.join(''));
  const runs = Number(process.env['HOSTWIRE_MUTATIONS'] ?? 2000);
  for (let seed = 0; seed < runs; seed++) {
    const text = texts[seed] ?? mutateText(log(whole), randomFrom(seed));
    try {
      const { gpus, migs } = await parseNvidiaSmi(text);
      const { dropped } = cleanRows({ nvidia_smi: [...gpus], nvidia_smi_mig: [...migs] }, nvidiaSmi.measurements);
      expect(dropped, `seed ${seed}`).toBe(0);
    } catch (error) {
      expect(error, `seed ${seed}`).toBeInstanceOf(ParseError);
    }
  }
});

const fixtures = fixturesDir();

describe.skipIf(fixtures === null)('recorded output of nvidia-smi', () => {
  const folder = join(fixtures ?? '', 'nvidia_smi');
  const files = fixtures === null ? [] : readdirSync(folder).filter((name) => name.endsWith('.xml'));
  const UNUSABLE = ['', 'N/A', '[N/A]', 'None', 'Requested functionality has been deprecated'];

  it.each(files)('%s: what stands in it comes out', async (name) => {
    const xml = readFileSync(join(folder, name), 'utf8');
    const { gpus, processes } = await parseNvidiaSmi(xml);
    const texts = xml.split(/<gpu id=/).slice(1);
    expect(gpus).toHaveLength(texts.length);
    for (const [index, whole] of texts.entries()) {
      const text = whole.replace(/<mig_devices>[\s\S]*?<\/mig_devices>/, '');
      const { tags, fields } = gpus[index] ?? { tags: {}, fields: {} };
      const told: Record<string, unknown> = {};
      for (const [field, paths] of Object.entries(PLACES)) {
        for (const place of paths) {
          const value = valueAt(text, place);
          if (!UNUSABLE.includes(value))
            told[field] = /^-?[\d.]+( .*|x)?$/.test(value) && !isText(field) ? Number.parseFloat(value) : value;
        }
      }
      for (const reason of ['gpu_idle', 'sw_power_cap', 'hw_slowdown', 'sync_boost', 'sw_thermal_slowdown']) {
        const word = /<clocks_(?:event|throttle)_reason_REASON>(.*?)</.source.replace('REASON', reason);
        const value = new RegExp(word).exec(text)?.[1];
        if (value !== undefined) told[`clocks_event_reason_${reason}`] = value === 'Active' ? 1 : 0;
      }
      expect(Object.fromEntries(Object.entries(fields).filter(([field]) => field in told))).toEqual(told);
      expect(Object.keys(told).length).toBeGreaterThanOrEqual(17);
      // What was not looked for above is of the driver, or of one of the rarer groups.
      const rest = Object.keys(fields).filter((field) => !(field in told));
      expect(
        rest.filter((field) => !/^(driver_version|cuda_version|ecc_|clocks_event_|retired_|remapped_|temperature_.*tlimit)/.test(field)),
      ).toEqual([]);
      expect(tags).toMatchObject({ index: String(index), uuid: valueAt(text, 'uuid'), name: valueAt(text, 'product_name') });
    }
    const listed = [...xml.matchAll(/<pid>(\d+)<[\s\S]*?<process_name>\s*(.*?)<\/[\s\S]*?<used_memory>(\S+)/g)];
    expect(processes.map(({ pid, name, memory }) => [pid, name, memory])).toEqual(
      listed.map(([, pid, program, used]) => [Number(pid), program, Number.isNaN(Number(used)) ? null : Number(used) * 2 ** 20]),
    );
  });

  it.skipIf(!files.includes('rtx-3080-v13.xml'))('has the figures of a working GPU', async () => {
    const { gpus } = await parseNvidiaSmi(readFileSync(join(folder, 'rtx-3080-v13.xml'), 'utf8'));
    expect(gpus[0]?.fields).toMatchObject({
      ...{ utilization_gpu: 65, utilization_memory: 9, memory_total: 10_240, memory_used: 9184, memory_reserved: 397, temperature_gpu: 27 },
      ...{ power_draw: 142.33, power_draw_average: 139.62, power_limit: 320, power_limit_max: 336, power_limit_requested: 320 },
      ...{ pcie_rx_util: 14_742_333, pcie_link_width_current: 16, clocks_current_memory: 9251, pstate: 'P2', fan_speed: 0 },
    });
    expect(gpus[0]?.fields).not.toHaveProperty('display_mode');
  });
});

/** Where fields stand, as one reads it in the files; of several the last that is usable counts. */
const PLACES: Readonly<Record<string, readonly string[]>> = {
  pstate: ['performance_state'],
  serial: ['serial'],
  vbios_version: ['vbios_version'],
  display_active: ['display_active'],
  display_mode: ['display_mode'],
  current_ecc: ['current_ecc'],
  fan_speed: ['fan_speed'],
  ...Object.fromEntries(['total', 'used', 'free', 'reserved'].map((part) => [`memory_${part}`, [`fb_memory_usage ${part}`]])),
  temperature_gpu: ['temperature gpu_temp'],
  temperature_memory: ['temperature memory_temp'],
  temperature_gpu_target: ['gpu_target_temperature'],
  temperature_gpu_target_min: ['gpu_target_temp_min'],
  temperature_gpu_target_max: ['gpu_target_temp_max'],
  ...Object.fromEntries(
    ['max', 'slow', 'max_gpu', 'max_mem'].map((part) => [`temperature_${part}_threshold`, [`gpu_temp_${part}_threshold`]]),
  ),
  ...Object.fromEntries(
    ['gpu', 'memory', 'encoder', 'decoder', 'jpeg', 'ofa'].map((part) => [`utilization_${part}`, [`utilization ${part}_util`]]),
  ),
  pcie_link_gen_current: ['current_link_gen'],
  pcie_link_width_current: ['current_link_width'],
  pcie_rx_util: ['rx_util'],
  pcie_tx_util: ['tx_util'],
  ...Object.fromEntries(
    ['encoder_stats', 'fbc_stats'].flatMap((group) =>
      ['session_count', 'average_fps', 'average_latency'].map((part) => [`${group}_${part}`, [`${group} ${part}`]]),
    ),
  ),
  clocks_current_graphics: ['clocks graphics_clock'],
  clocks_current_sm: ['clocks sm_clock'],
  clocks_current_memory: ['clocks mem_clock'],
  clocks_current_video: ['clocks video_clock'],
  power_draw: ['power_readings power_draw', 'gpu_power_readings power_draw', 'gpu_power_readings instant_power_draw'],
  power_draw_average: ['gpu_power_readings average_power_draw'],
  power_limit: ['power_readings power_limit', 'gpu_power_readings current_power_limit'],
  ...Object.fromEntries(
    ['default_power_limit', 'min_power_limit', 'max_power_limit'].map((part) => [
      `power_limit_${part.split('_')[0]}`,
      [`power_readings ${part}`, `gpu_power_readings ${part}`],
    ]),
  ),
  power_limit_requested: ['gpu_power_readings requested_power_limit'],
  module_power_draw: ['module_power_readings power_draw', 'module_power_readings instant_power_draw'],
};

function isText(field: string): boolean {
  return /^(serial|vbios_version|pstate|display_|current_ecc)/.test(field);
}

/** The text of the first element of a name, within the first of another if two are given. */
function valueAt(xml: string, place: string): string {
  let text = xml;
  for (const name of place.split(' ')) text = new RegExp(`<${name}>([\\s\\S]*?)</${name}>`).exec(text)?.[1] ?? '';
  return text.trim();
}
