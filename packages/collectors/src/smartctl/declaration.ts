import type { FieldDeclaration, MeasurementDeclaration } from '@hostwire/model';
import { counter, gauge, state } from '../declare.ts';

const DEVICE_TAGS = {
  name: 'As smartctl names it: /dev/sda, /dev/nvme0, /dev/bus/0 for what is behind a RAID controller',
  type: 'How it is spoken to: sat, scsi, nvme, sat+megaraid,8 ...',
  model: 'Model',
  serial: 'Serial number',
  wwn: 'World Wide Name, hexadecimal',
  vendor: 'Vendor of a SCSI disk',
};

/** Id of an ATA attribute -> field of the disk that is its raw value. The names are those of Telegraf's `smart_device`. */
export const RAW_FIELDS: ReadonlyMap<number, string> = new Map([
  [5, 'reallocated_sectors_count'],
  [10, 'spin_retry_count'],
  [184, 'end_to_end_error'],
  [187, 'uncorrectable_errors'],
  [196, 'realloc_event_count'],
  [197, 'pending_sector_count'],
  [198, 'uncorrectable_sector_count'],
  [199, 'udma_crc_errors'],
]);

const RAW_HELP: Readonly<Record<string, string>> = {
  reallocated_sectors_count: 'Sectors replaced by spare ones (attribute 5)',
  spin_retry_count: 'Attempts to spin up that failed (10)',
  end_to_end_error: 'Data damaged between cache and host (184)',
  uncorrectable_errors: 'Reads that could not be corrected (187)',
  realloc_event_count: 'Attempts to replace a sector (196)',
  pending_sector_count: 'Sectors that wait to be replaced (197)',
  uncorrectable_sector_count: 'Sectors that can be neither read nor written (198)',
  udma_crc_errors: 'Errors on the cable (199)',
};

/** Fields of the NVMe health log (NVM Express base specification, SMART / Health Information), named as smartctl does. */
export const NVME_FIELDS: Readonly<Record<string, FieldDeclaration>> = {
  critical_warning: gauge('int', '1', 'Bits: spare low, temperature, reliability, read-only, backup; 0: none'),
  available_spare: gauge('int', 'percent', 'Spare capacity that is left'),
  available_spare_threshold: gauge('int', 'percent', 'Below this the disk warns'),
  percentage_used: gauge('int', 'percent', 'Of its life; may go beyond 100'),
  data_units_read: counter('1', 'Read, in units of 512,000 bytes'),
  data_units_written: counter('1', 'Written, in units of 512,000 bytes'),
  host_reads: counter('requests', 'Reads'),
  host_writes: counter('requests', 'Writes'),
  controller_busy_time: counter('1', 'Minutes in which it was busy'),
  power_cycles: counter('1', 'Times that it was switched on'),
  unsafe_shutdowns: counter('1', 'Times that it lost power without notice'),
  media_errors: gauge('int', '1', 'Data that it could not recover'),
  num_err_log_entries: counter('1', 'Entries of its error log, since it was made'),
  warning_temp_time: counter('1', 'Minutes above the temperature that warns'),
  critical_comp_time: counter('1', 'Minutes above the critical temperature'),
};

const PAGE_FIELDS: Readonly<Record<string, FieldDeclaration>> = {
  errors_corrected_by_eccfast: counter('1', 'Errors corrected without delay'),
  errors_corrected_by_eccdelayed: counter('1', 'Errors corrected with delay'),
  errors_corrected_by_rereads_rewrites: counter('1', 'Errors corrected by trying again'),
  total_errors_corrected: counter('1', 'Errors corrected'),
  correction_algorithm_invocations: counter('1', 'Times that the correction ran'),
  total_uncorrected_errors: gauge('int', '1', 'Errors that could not be corrected'),
};
export const PAGE_COUNTS = Object.keys(PAGE_FIELDS);

export const MEASUREMENTS: Readonly<Record<string, MeasurementDeclaration>> = {
  smartctl: {
    help: 'A disk. Of one that sleeps only power_mode: it is not woken.',
    tags: DEVICE_TAGS,
    fields: {
      health_ok: state('bool', 'The overall health that the disk gives itself (PASSED, OK)'),
      power_mode: state('string', 'STANDBY, SLEEP, IDLE, ACTIVE or IDLE ...; absent if smartctl does not say'),
      exit_status: gauge(
        'int',
        '1',
        'Bits of smartctl(8), "EXIT STATUS": 8 failing, 16 below a threshold now, 32 in the past, 64, 128 in its logs',
      ),
      attributes_failing: gauge('int', '1', 'ATA attributes that are below their threshold now'),
      temperature: gauge('int', 'celsius', 'Temperature'),
      capacity: gauge('int', 'bytes', 'Size'),
      logical_block_size: gauge('int', 'bytes', 'Smallest piece that is read or written'),
      rotation_rate: gauge('int', 'rpm', '0: it does not rotate'),
      firmware: state('string', 'Version of its firmware'),
      power_on_hours: gauge('int', '1', 'Hours that it was switched on'),
      power_on_minutes: gauge('int', '1', 'Minutes beyond these hours'),
      power_cycle_count: counter('1', 'Times that it was switched on'),
      endurance_used: gauge('int', 'percent', 'Of the writes that it was made for; may go beyond 100'),
      error_count: gauge('int', '1', 'Entries of the ATA error log, since it was made'),
      self_test_passed: state('bool', 'The last self-test found nothing'),
      ...Object.fromEntries([...RAW_FIELDS.values()].map((name) => [name, gauge('int', '1', RAW_HELP[name] ?? name)])),
      ...NVME_FIELDS,
      scsi_version: state('string', 'Version of the SCSI commands'),
      scsi_transport_protocol: state('string', 'SAS, FCP ...'),
      scsi_grown_defect_list: gauge('int', '1', 'Defects found since it was made'),
    },
  },
  smartctl_attributes: {
    help: 'An attribute of an ATA disk.',
    tags: { ...DEVICE_TAGS, attribute: 'Its name', id: 'Its number' },
    fields: {
      value: gauge('int', '1', 'Normalised by the disk: the higher the better'),
      worst: gauge('int', '1', 'Lowest value ever'),
      threshold: gauge('int', '1', 'Below this it fails'),
      raw_value: gauge('int', '1', 'What it was made of; each model has its own meaning'),
      fail: state('string', 'FAILING_NOW, Past, or - for never'),
    },
  },
  smartctl_scsi_error_counter_log: {
    help: 'Errors that a SCSI disk counted, by kind of access.',
    tags: { ...DEVICE_TAGS, page: 'read, write or verify' },
    fields: { ...PAGE_FIELDS, gigabytes_processed: { type: 'float', unit: '1', kind: 'gauge', help: '10^9 bytes' } },
  },
};
