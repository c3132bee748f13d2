import type { FieldValue, Row } from '@hostwire/model';
import { ParseError, quote } from '../proc-text.ts';

/** Field -> what rocm-smi calls it; the first name that has a usable value counts. Names are compared without regard to case. */
const WHOLE: Readonly<Record<string, readonly string[]>> = {
  fan_speed: ['Fan speed (%)'],
  memory_total: ['VRAM Total Memory (B)'],
  memory_used: ['VRAM Total Used Memory (B)'],
  utilization_gpu: ['GPU use (%)'],
  utilization_memory: ['GPU memory use (%)', 'GPU Memory Allocated (VRAM%)'],
};
const CLOCKS: Readonly<Record<string, string>> = {
  clocks_current_sm: 'sclk',
  clocks_current_memory: 'mclk',
  clocks_current_display: 'dcefclk',
  clocks_current_fabric: 'fclk',
  clocks_current_system: 'socclk',
};
const DECIMAL: Readonly<Record<string, readonly string[]>> = {
  temperature_sensor_edge: ['Temperature (Sensor edge) (C)'],
  temperature_sensor_junction: ['Temperature (Sensor junction) (C)'],
  temperature_sensor_memory: ['Temperature (Sensor memory) (C)'],
  power_draw: ['Average Graphics Package Power (W)', 'Current Socket Graphics Package Power (W)'],
};
const WORDS: Readonly<Record<string, readonly string[]>> = {
  card_series: ['Card series', 'Device Name'],
  card_model: ['Card model'],
  card_vendor: ['Card vendor'],
};

/** Rows of `amd_rocm_smi`, of the JSON of rocm-smi (ROCm 4 to 6); text before it (warnings) is passed over. Throws ParseError. */
export function parseRocmSmi(text: string): Row[] {
  const all = parseObject(text);
  const driver = byName(all['system']).get('driver version') ?? '';
  const version = /^[0-9]{1,4}(\.[0-9]{1,4}){1,3}$/.test(driver) ? Number(driver.replaceAll('.', '')) : null;
  return Object.entries(all)
    .filter(([name]) => /^card[0-9]+$/.test(name))
    .map(([name, card]) => {
      const values = byName(card);
      const first = <T>(names: readonly string[], parse: (value: string | undefined) => T | null): T | null =>
        names.map((each) => parse(values.get(each.toLowerCase()))).find((value) => value !== null) ?? null;
      const found: Record<string, FieldValue | null> = { driver_version: version };
      for (const [field, names] of Object.entries(WHOLE)) found[field] = first(names, wholeOf);
      for (const [field, names] of Object.entries(DECIMAL)) found[field] = first(names, decimalOf);
      for (const [field, names] of Object.entries(WORDS)) found[field] = first(names, wordOf);
      for (const [field, clock] of Object.entries(CLOCKS)) {
        found[field] = first([`${clock} clock speed:`, `${clock} clock speed`], (value) =>
          wholeOf(/^\(([0-9]+)Mhz\)$/i.exec(value ?? '')?.[1]),
        );
      }
      const { memory_total: total, memory_used: used } = found;
      if (typeof total === 'number' && typeof used === 'number') found['memory_free'] = Math.max(0, total - used);
      const id = first(['GPU ID', 'Device ID'], wordOf);
      const unique = first(['Unique ID'], wordOf);
      return {
        tags: { name, ...(id === null ? {} : { gpu_id: id }), ...(unique === null ? {} : { gpu_unique_id: unique }) },
        fields: Object.fromEntries(Object.entries(found).filter((entry): entry is [string, FieldValue] => entry[1] !== null)),
      };
    });
}

/** A whole number up to 2^53; null for anything else. */
export function wholeOf(text: string | undefined): number | null {
  return text !== undefined && /^[0-9]{1,15}$/.test(text) ? Number(text) : null;
}

function decimalOf(text: string | undefined): number | null {
  return text !== undefined && /^-?[0-9]{1,15}(\.[0-9]{1,9})?$/.test(text) ? Number(text) + 0 : null;
}

function wordOf(text: string | undefined): string | null {
  return text === undefined || text === '' || /^N\/A\b/.test(text) ? null : text;
}

/** A whole number, which may be negative, in `parts` of the unit; null for anything else. */
export function scaled(text: string | undefined, parts: number): number | null {
  return text !== undefined && /^-?[0-9]{1,15}$/.test(text) ? Number(text) / parts + 0 : null;
}

/** MHz of the line with the asterisk, of pp_dpm_sclk and its like (`1: 500Mhz *`); null if there is none. */
export function activeClock(text: string | undefined): number | null {
  return wholeOf(/^[0-9A-Z]+: ([0-9]{1,6})Mhz \*$/im.exec(text ?? '')?.[1]);
}

/** The strings of an object by their names in lower case; of two the first. */
function byName(value: unknown): Map<string, string> {
  const values = new Map<string, string>();
  if (typeof value !== 'object' || value === null) return values;
  for (const [name, text] of Object.entries(value)) {
    const key = name.toLowerCase();
    if (typeof text === 'string' && !values.has(key)) values.set(key, text.trim());
  }
  return values;
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text.slice(Math.max(0, text.indexOf('{'))));
  } catch {
    throw new ParseError(`rocm-smi: ${quote(text)} is not JSON`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new ParseError(`rocm-smi: ${quote(text)} is not an object`);
  return value as Record<string, unknown>;
}
