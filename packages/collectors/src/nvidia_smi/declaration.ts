import type { FieldDeclaration, MeasurementDeclaration, Unit } from '@hostwire/model';
import { counter, gauge, state } from '../declare.ts';
import { GPU_PROCESS } from '../gpu-process.ts';

/** A field, and where its value may stand below `<gpu>`: the first place with a usable one counts. */
export interface SmiField {
  readonly declaration: FieldDeclaration;
  readonly paths: readonly string[];
}

const from = (declaration: FieldDeclaration, ...paths: string[]): SmiField => ({ declaration, paths });
const level = (unit: Unit, help: string, ...paths: string[]) => from(gauge('int', unit, help), ...paths);
const watts = (help: string, ...paths: string[]) => from(gauge('float', 'watts', help), ...paths);
const word = (help: string, ...paths: string[]) => from(state('string', help), ...paths);
const count = (help: string, ...paths: string[]) => from(counter('1', help), ...paths);
const power = (name: string) => [`gpu_power_readings.${name}`, `power_readings.${name}`];

const CLOCK_REASONS = [
  ...['sw_power_cap', 'sw_thermal_slowdown', 'hw_thermal_slowdown', 'hw_power_brake_slowdown', 'hw_slowdown'],
  ...['sync_boost', 'gpu_idle', 'applications_clocks_setting', 'display_clocks_setting'],
];

/** Fields of `nvidia_smi` whose value is 1 for `Active` and 0 for `Not Active`. Schemas before v12 call them throttle reasons. */
export const SMI_REASONS: Readonly<Record<string, SmiField>> = Object.fromEntries(
  CLOCK_REASONS.map((reason) => [
    `clocks_event_reason_${reason}`,
    from(
      state('int', `1 if the clocks are as they are for that reason: ${reason}`),
      `clocks_event_reasons.clocks_event_reason_${reason}`,
      `clocks_throttle_reasons.clocks_throttle_reason_${reason}`,
    ),
  ]),
);

/** Fields of `nvidia_smi`, by the XML of NVIDIA's schemas nvsmi_device_v10 to v13. */
export const SMI_FIELDS: Readonly<Record<string, SmiField>> = {
  pstate: word('Performance state: P0 (fastest) to P12', 'performance_state'),
  serial: word('Serial number', 'serial'),
  vbios_version: word('Version of its BIOS', 'vbios_version'),
  display_active: word('Whether a display is initialised', 'display_active'),
  display_mode: word('Whether a display is attached', 'display_mode'),
  current_ecc: word('Whether it corrects errors of its memory', 'ecc_mode.current_ecc'),
  fan_speed: level('percent', 'Fan, as asked for', 'fan_speed'),
  memory_total: level('MiB', 'Memory', 'fb_memory_usage.total'),
  memory_used: level('MiB', 'Memory in use', 'fb_memory_usage.used'),
  memory_free: level('MiB', 'Memory that is free', 'fb_memory_usage.free'),
  memory_reserved: level('MiB', 'Memory of the driver and the firmware', 'fb_memory_usage.reserved'),
  temperature_gpu: level('celsius', 'Of the processor', 'temperature.gpu_temp'),
  temperature_gpu_tlimit: level('celsius', 'Left until it slows down', 'temperature.gpu_temp_tlimit'),
  temperature_memory: level('celsius', 'Of the memory', 'temperature.memory_temp'),
  temperature_gpu_target: level('celsius', 'That is aimed at', 'temperature.gpu_target_temperature'),
  temperature_gpu_target_min: level('celsius', 'Least that may be aimed at', 'supported_gpu_target_temp.gpu_target_temp_min'),
  temperature_gpu_target_max: level('celsius', 'Most that may be aimed at', 'supported_gpu_target_temp.gpu_target_temp_max'),
  temperature_max_threshold: level('celsius', 'At which it shuts down', 'temperature.gpu_temp_max_threshold'),
  temperature_slow_threshold: level('celsius', 'At which it slows down', 'temperature.gpu_temp_slow_threshold'),
  temperature_max_gpu_threshold: level('celsius', 'That it is made to work at', 'temperature.gpu_temp_max_gpu_threshold'),
  temperature_max_mem_threshold: level('celsius', 'That the memory is made to work at', 'temperature.gpu_temp_max_mem_threshold'),
  ...Object.fromEntries(
    ['max', 'slow', 'max_gpu', 'max_mem'].map((name) => [
      `temperature_${name}_tlimit_threshold`,
      level('celsius', `As temperature_${name}_threshold, counted from the limit`, `temperature.gpu_temp_${name}_tlimit_threshold`),
    ]),
  ),
  ...Object.fromEntries(
    ['gpu', 'memory', 'encoder', 'decoder', 'jpeg', 'ofa'].map((name) => [
      `utilization_${name}`,
      level('percent', `Time that it was busy: ${name}`, `utilization.${name}_util`),
    ]),
  ),
  pcie_link_gen_current: level('1', 'Generation of the link in use', 'pci.pci_gpu_link_info.pcie_gen.current_link_gen'),
  pcie_link_width_current: level('1', 'Lanes of the link in use', 'pci.pci_gpu_link_info.link_widths.current_link_width'),
  pcie_rx_util: level('kB/s', 'Received over the link', 'pci.rx_util'),
  pcie_tx_util: level('kB/s', 'Sent over the link', 'pci.tx_util'),
  ...Object.fromEntries(
    ['encoder_stats', 'fbc_stats'].flatMap((stats) =>
      ['session_count', 'average_fps', 'average_latency'].map((name) => [
        `${stats}_${name}`,
        level('1', `${name} of ${stats === 'fbc_stats' ? 'frame captures' : 'encoders'}`, `${stats}.${name}`),
      ]),
    ),
  ),
  clocks_current_graphics: level('MHz', 'Clock of the processors', 'clocks.graphics_clock'),
  clocks_current_sm: level('MHz', 'Clock of the multiprocessors', 'clocks.sm_clock'),
  clocks_current_memory: level('MHz', 'Clock of the memory', 'clocks.mem_clock'),
  clocks_current_video: level('MHz', 'Clock of the encoders and decoders', 'clocks.video_clock'),
  ...Object.fromEntries(
    ['sw_power_cap', 'sw_therm_slowdown', 'hw_therm_slowdown', 'hw_power_brake', 'sync_boost'].map((name) => [
      `clocks_event_reasons_counters_${name}`,
      from(counter('us', `Time that it was slowed down: ${name}`), `clocks_event_reasons_counters.clocks_event_reasons_counters_${name}`),
    ]),
  ),
  power_draw: watts('In use', ...power('instant_power_draw'), ...power('power_draw')),
  power_draw_average: watts('In use, of the last second', ...power('average_power_draw')),
  power_limit: watts('Limit', 'gpu_power_readings.power_limit', 'gpu_power_readings.current_power_limit', 'power_readings.power_limit'),
  power_limit_default: watts('Limit after a restart', ...power('default_power_limit')),
  power_limit_min: watts('Least that the limit may be', ...power('min_power_limit')),
  power_limit_max: watts('Most that the limit may be', ...power('max_power_limit')),
  power_limit_requested: watts('Limit that was asked for', 'gpu_power_readings.requested_power_limit'),
  module_power_draw: watts(
    'In use by the module, with its processor',
    ...['instant_power_draw', 'power_draw'].map((name) => `module_power_readings.${name}`),
  ),
  retired_pages_multiple_single_bit: count('Pages retired', 'retired_pages.multiple_single_bit_retirement.retired_count'),
  retired_pages_double_bit: count('Pages retired', 'retired_pages.double_bit_retirement.retired_count'),
  retired_pages_blacklist: word('Whether a page waits to be blacklisted', 'retired_pages.pending_blacklist'),
  retired_pages_pending: word('Whether a page waits to be retired', 'retired_pages.pending_retirement'),
  remapped_rows_correctable: count('Rows remapped for errors that were corrected', 'remapped_rows.remapped_row_corr'),
  remapped_rows_uncorrectable: count('Rows remapped for errors that were not', 'remapped_rows.remapped_row_unc'),
  remapped_rows_pending: word('Whether a row waits to be remapped', 'remapped_rows.remapped_row_pending'),
  remapped_rows_failure: word('Whether a row could not be remapped', 'remapped_rows.remapped_row_failure'),
  ...Object.fromEntries(
    ['volatile', 'aggregate'].flatMap((since) =>
      ['dram_correctable', 'dram_uncorrectable', 'sram_correctable', 'sram_uncorrectable']
        .concat(['sram_uncorrectable_parity', 'sram_uncorrectable_secded'])
        .map((name) => [
          `ecc_errors_${since}_${name}`,
          count(`Errors of memory since ${since === 'volatile' ? 'the driver was loaded' : 'it was made'}`, `ecc_errors.${since}.${name}`),
        ]),
    ),
  ),
  ...Object.fromEntries(
    ['l2', 'microcontroller', 'other', 'pcie', 'sm'].map((name) => [
      `ecc_errors_aggregate_sram_uncorrectable_${name}`,
      count('Errors of memory since it was made', `ecc_errors.aggregate_uncorrectable_sram_sources.sram_${name}`),
    ]),
  ),
  ecc_errors_aggregate_sram_threshold_exceeded: word('Whether there were too many', 'ecc_errors.aggregate.sram_threshold_exceeded'),
  ecc_errors_channel_repair_pending: word('Whether a repair waits for a restart', 'ecc_errors.channel_repair_pending'),
  ecc_errors_tpc_repair_pending: word('Whether a repair waits for a restart', 'ecc_errors.tpc_repair_pending'),
  ecc_errors_unrepairable_memory: word('Whether memory cannot be repaired', 'ecc_errors.unrepairable_memory'),
};

/** Fields of `nvidia_smi_mig`, below `<mig_device>`. */
export const MIG_FIELDS: Readonly<Record<string, SmiField>> = {
  memory_fb_total: level('MiB', 'Memory', 'fb_memory_usage.total'),
  memory_fb_used: level('MiB', 'Memory in use', 'fb_memory_usage.used'),
  memory_fb_free: level('MiB', 'Memory that is free', 'fb_memory_usage.free'),
  memory_fb_reserved: level('MiB', 'Memory of the driver and the firmware', 'fb_memory_usage.reserved'),
  memory_bar1_total: level('MiB', 'Memory that the processor can map', 'bar1_memory_usage.total'),
  memory_bar1_used: level('MiB', 'Of that in use', 'bar1_memory_usage.used'),
  memory_bar1_free: level('MiB', 'Of that free', 'bar1_memory_usage.free'),
  sram_uncorrectable: count('Errors of memory since the driver was loaded', 'ecc_error_count.volatile_count.sram_uncorrectable'),
};

const CARD = {
  name: 'Name of the product',
  uuid: 'Id of the GPU, for good',
  compute_mode: 'Who may compute on it',
  arch: 'Architecture; schemas from v11 on',
};
const declarationsOf = (fields: Readonly<Record<string, SmiField>>) =>
  Object.fromEntries(Object.entries(fields).map(([name, { declaration }]) => [name, declaration]));

export const MEASUREMENTS: Readonly<Record<string, MeasurementDeclaration>> = {
  nvidia_smi: {
    help: 'A GPU of NVIDIA.',
    tags: { index: 'Its place in the list of nvidia-smi, from 0', ...CARD },
    fields: {
      driver_version: state('string', 'Version of the driver'),
      cuda_version: state('string', 'Latest version of CUDA that the driver can do'),
      ...declarationsOf(SMI_FIELDS),
      ...declarationsOf(SMI_REASONS),
    },
  },
  nvidia_smi_mig: {
    help: 'A part of a GPU that is divided (MIG).',
    tags: { index: 'Its place on the GPU', gpu_index: 'GPU instance', compute_index: 'Compute instance', ...CARD },
    fields: { pstate: state('string', 'Performance state of the GPU'), ...declarationsOf(MIG_FIELDS) },
  },
  gpu_process: GPU_PROCESS,
};
