import type { FieldValue, Tags } from '@hostwire/model';
import { ParseError, quote } from '../proc-text.ts';
import { NVME_FIELDS, PAGE_COUNTS, RAW_FIELDS } from './declaration.ts';

/** One disk as a scan names it. */
export interface Device {
  readonly name: string;
  readonly type: string;
}

export interface Row {
  readonly tags: Tags;
  readonly fields: Record<string, FieldValue>;
}

/** What one run of smartctl says of a disk. */
export interface Report {
  /** Of the measurements that are declared. */
  readonly tags: Tags;
  readonly fields: Record<string, FieldValue>;
  readonly attributes: readonly Row[];
  readonly pages: readonly Row[];
  /** It sleeps, and nothing else is known. */
  readonly asleep: boolean;
  /** Why the disk could not be asked. */
  readonly failure?: string;
}

type Json = Readonly<Record<string, unknown>>;

/** Bits of the exit status that say that nothing was read: a command line that is not known, a disk that does not open. */
const NOT_ASKED = 0b11;
const MAX_INT64 = 2n ** 63n - 1n;

/** `smartctl --scan --json` (scan_devices of smartctl.cpp). Throws ParseError. */
export function parseScan(text: string): Device[] {
  const { devices } = parseObject(text);
  if (!Array.isArray(devices)) return [];
  return devices
    .filter(isObject)
    .flatMap(({ name, type }) => (typeof name === 'string' && typeof type === 'string' ? [{ name, type }] : []));
}

/** `smartctl --json -a -n standby` of smartmontools 7.0 and later, of an ATA, SCSI or NVMe disk. Throws ParseError. */
export function parseReport(text: string): Report {
  const json = parseObject(text);
  const device = objectOf(json['device']);
  const tags = tagsOf(json, device);
  const status = toInt(objectOf(json['smartctl']), 'exit_status');
  const messages = messagesOf(json);
  const mode = powerModeOf(json, messages);
  // Before 7.4 the mode stands in a message alone; the exit status is that of a disk that does not open.
  if (mode !== undefined && /^(STANDBY|SLEEP)/.test(mode)) {
    return { tags, fields: { power_mode: mode }, attributes: [], pages: [], asleep: true };
  }
  if (status !== undefined && (Number(status) & NOT_ASKED) !== 0) {
    const failure = messages[0] ?? `exit status ${status}`;
    return { tags, fields: {}, attributes: [], pages: [], asleep: false, failure };
  }
  const attributes = tableOf(objectOf(json['ata_smart_attributes']));
  const fields = defined({
    ...deviceFields(json),
    power_mode: mode,
    exit_status: status,
    ...attributeFields(attributes),
    ...scsiFields(json),
    ...nvmeFields(objectOf(json['nvme_smart_health_information_log'])),
  });
  return { tags, fields, attributes: attributes.flatMap((entry) => attributeRow(entry, tags)), pages: pageRows(json, tags), asleep: false };
}

function tagsOf(json: Json, device: Json): Tags {
  const text = (...values: unknown[]) => values.find((value) => typeof value === 'string' && value !== '') as string | undefined;
  const tags = {
    name: text(device['name']),
    type: text(device['type']),
    model: text(json['model_name'], json['scsi_model_name']),
    serial: text(json['serial_number']),
    wwn: wwnOf(objectOf(json['wwn'])),
    vendor: text(json['vendor'], json['scsi_vendor']),
  };
  return Object.fromEntries(Object.entries(tags).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
}

/** As it is printed on the disk: 16 hexadecimal digits of three numbers. */
function wwnOf(wwn: Json): string | undefined {
  const parts = ['naa', 'oui', 'id'].map((name) => toInt(wwn, name));
  if (parts.some((part) => part === undefined || part < 0)) return undefined;
  const [naa = 0, oui = 0, id = 0] = parts;
  return `${naa.toString(16)}${oui.toString(16).padStart(6, '0')}${id.toString(16).padStart(9, '0')}`;
}

function messagesOf(json: Json): string[] {
  const { messages } = objectOf(json['smartctl']);
  if (!Array.isArray(messages)) return [];
  return messages.filter(isObject).flatMap(({ string }) => (typeof string === 'string' ? [string] : []));
}

function powerModeOf(json: Json, messages: readonly string[]): string | undefined {
  const { name } = objectOf(json['power_mode']);
  if (typeof name === 'string' && name !== '') return name;
  return messages.flatMap((message) => /Device is in ([A-Z][A-Z_ ]{0,30}?) mode/.exec(message)?.[1] ?? [])[0];
}

function deviceFields(json: Json): Record<string, FieldValue | undefined> {
  const powerOn = objectOf(json['power_on_time']);
  const firmware = [json['firmware_version'], json['scsi_revision'], json['revision']].find((value) => typeof value === 'string');
  const { passed } = objectOf(json['smart_status']);
  const errorLog = objectOf(json['ata_smart_error_log']);
  return {
    health_ok: typeof passed === 'boolean' ? passed : undefined,
    temperature: toInt(objectOf(json['temperature']), 'current'),
    capacity: toInt(objectOf(json['user_capacity']), 'bytes'),
    logical_block_size: toInt(json, 'logical_block_size'),
    rotation_rate: toInt(json, 'rotation_rate'),
    firmware: firmware as string | undefined,
    power_on_hours: toInt(powerOn, 'hours'),
    power_on_minutes: toInt(powerOn, 'minutes'),
    power_cycle_count: toInt(json, 'power_cycle_count'),
    endurance_used: toInt(objectOf(json['endurance_used']), 'current_percent'),
    error_count: toInt(objectOf(errorLog['extended']), 'count') ?? toInt(objectOf(errorLog['summary']), 'count'),
    self_test_passed: selfTestOf(json),
  };
}

/** The last one that came to an end, in whichever of the three protocols; one that was aborted says nothing. */
function selfTestOf(json: Json): boolean | undefined {
  const { passed } = objectOf(objectOf(objectOf(json['ata_smart_data'])['self_test'])['status']);
  if (typeof passed === 'boolean') return passed;
  const scsi = toInt(objectOf(objectOf(json['scsi_self_test_0'])['result']), 'value');
  const nvme = toInt(objectOf(tableOf(objectOf(json['nvme_self_test_log']))[0]?.['self_test_result']), 'value');
  if (scsi === 0 || nvme === 0) return true;
  // SPC-5, "Self-test results": 3 to 7 failed. NVMe, "Device Self-test log": 5 to 7.
  return (scsi !== undefined && scsi >= 3 && scsi <= 7) || (nvme !== undefined && nvme >= 5 && nvme <= 7) ? false : undefined;
}

function attributeFields(attributes: readonly Json[]): Record<string, FieldValue | undefined> {
  if (attributes.length === 0) return {};
  const fields: Record<string, FieldValue | undefined> = {
    attributes_failing: attributes.filter(({ when_failed }) => when_failed === 'now').length,
  };
  for (const entry of attributes) {
    const name = RAW_FIELDS.get(Number(entry['id']));
    if (name !== undefined) fields[name] = toInt(objectOf(entry['raw']), 'value');
  }
  return fields;
}

const FAIL: Readonly<Record<string, string>> = { now: 'FAILING_NOW', past: 'Past', '': '-' };

function attributeRow(entry: Json, tags: Tags): Row[] {
  const { id, name, when_failed } = entry;
  if (typeof name !== 'string' || typeof id !== 'number') return [];
  const fields = defined({
    value: toInt(entry, 'value'),
    worst: toInt(entry, 'worst'),
    threshold: toInt(entry, 'thresh'),
    raw_value: toInt(objectOf(entry['raw']), 'value'),
    fail: typeof when_failed === 'string' && Object.hasOwn(FAIL, when_failed) ? FAIL[when_failed] : undefined,
  });
  return [{ tags: { ...tags, attribute: name, id: String(id) }, fields }];
}

function scsiFields(json: Json): Record<string, FieldValue | undefined> {
  const { scsi_version: version } = json;
  const { name: protocol } = objectOf(json['scsi_transport_protocol']);
  return {
    scsi_version: typeof version === 'string' ? version : undefined,
    scsi_transport_protocol: typeof protocol === 'string' ? protocol : undefined,
    scsi_grown_defect_list: toInt(json, 'scsi_grown_defect_list'),
  };
}

function pageRows(json: Json, tags: Tags): Row[] {
  return Object.entries(objectOf(json['scsi_error_counter_log'])).flatMap(([page, log]) => {
    if (!isObject(log) || !/^(read|write|verify)$/.test(page)) return [];
    const { gigabytes_processed: gigabytes } = log;
    const counts = Object.fromEntries(PAGE_COUNTS.map((name) => [name, toInt(log, name)]));
    const processed = typeof gigabytes === 'string' && /^[0-9]{1,15}(\.[0-9]{1,9})?$/.test(gigabytes) ? Number(gigabytes) : undefined;
    return [{ tags: { ...tags, page }, fields: defined({ ...counts, gigabytes_processed: processed }) }];
  });
}

function nvmeFields(log: Json): Record<string, FieldValue | undefined> {
  return Object.fromEntries(Object.keys(NVME_FIELDS).map((name) => [name, toInt(log, name)]));
}

/** A whole number. Beyond 2^53 smartctl writes it also as text, `name_s`; clipped at 2^63-1. */
function toInt(json: Json, name: string): number | bigint | undefined {
  const value = json[name];
  if (typeof value !== 'number' || !Number.isInteger(value)) return undefined;
  if (Number.isSafeInteger(value)) return value;
  const text = json[`${name}_s`];
  const exact = typeof text === 'string' && /^[0-9]{1,40}$/.test(text) ? BigInt(text) : BigInt(value);
  return exact > MAX_INT64 ? MAX_INT64 : exact;
}

function tableOf({ table }: Json): Json[] {
  return Array.isArray(table) ? table.filter(isObject) : [];
}

function defined(fields: Readonly<Record<string, FieldValue | undefined>>): Record<string, FieldValue> {
  return Object.fromEntries(Object.entries(fields).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
}

function parseObject(text: string): Json {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    parsed = undefined;
  }
  if (!isObject(parsed)) throw new ParseError(`smartctl: ${quote(text)} is not JSON; it needs smartmontools 7.0 or later`);
  return parsed;
}

function objectOf(value: unknown): Json {
  return isObject(value) ? value : {};
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
