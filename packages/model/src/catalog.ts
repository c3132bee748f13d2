import type { FieldType, Tier } from './sample.ts';

/** `gauge`: a level. `counter`: only grows, but for resets. `state`: a word or a code that changes seldom. */
export type FieldKind = 'gauge' | 'counter' | 'state';

/**
 * UCUM-like units, the closed list that dashboards and Home Assistant know how to show.
 * `percent` is 0..100; `1` is a plain number.
 */
export type Unit =
  | 'percent'
  | 'bytes'
  | 'MiB'
  | 'bytes/s'
  | 'kB/s'
  | 'bits/s'
  | 'Mbit/s'
  | 's'
  | 'ms'
  | 'us'
  | 'ns'
  | 'celsius'
  | 'watts'
  | 'volts'
  | 'amperes'
  | 'rpm'
  | 'hertz'
  | 'MHz'
  | 'bits'
  | 'pages'
  | 'files'
  | 'packets'
  | 'requests'
  | 'processes'
  | 'threads'
  | 'sockets'
  | 'users'
  | 'cpus'
  | 'rows'
  | '1';

export interface FieldDeclaration {
  readonly type: FieldType;
  readonly unit: Unit;
  readonly kind: FieldKind;
  readonly help: string;
  /** Derived floats are rounded to this many decimals (default 3): it is what makes series compress. */
  readonly decimals?: number;
}

export interface MeasurementDeclaration {
  readonly help: string;
  /** Tag name -> what it names. `host` is on every point and not listed. */
  readonly tags: Readonly<Record<string, string>>;
  readonly fields: Readonly<Record<string, FieldDeclaration>>;
}

/** What a collector says of itself; the data half, without code, that travels on topic `catalog`. */
export interface CollectorDeclaration {
  readonly name: string;
  readonly tier: Tier;
  readonly help: string;
  readonly measurements: Readonly<Record<string, MeasurementDeclaration>>;
}

/**
 * Measurements whose names begin with this are of a host's own sources: nobody declares them. Their numbers are floats, their
 * tags any.
 */
export const CUSTOM_PREFIX = 'custom_';

/** The union of all declarations: from it come types, units, labels, discovery and the metrics reference. */
export interface Catalog {
  /** Hash of the declarations (see `catalogHash`); every sample names it. */
  readonly hash: string;
  readonly measurements: Readonly<Record<string, CatalogMeasurement>>;
}

export interface CatalogMeasurement extends MeasurementDeclaration {
  readonly collector: string;
  readonly tier: Tier;
}

/**
 * The catalog of these declarations. Two collectors that declare one measurement must agree on the field types;
 * throws an Error that names the field if they do not.
 */
export function toCatalog(declarations: readonly CollectorDeclaration[]): Catalog {
  const measurements: Record<string, CatalogMeasurement> = {};
  for (const declaration of declarations) {
    for (const [name, measurement] of Object.entries(declaration.measurements)) {
      const known = measurements[name];
      if (known === undefined) {
        measurements[name] = { ...measurement, collector: declaration.name, tier: declaration.tier };
        continue;
      }
      for (const [field, { type }] of Object.entries(measurement.fields)) {
        const other = known.fields[field]?.type;
        if (other !== undefined && other !== type) {
          throw new Error(`catalog: ${name}.${field} is ${other} in ${known.collector} and ${type} in ${declaration.name}`);
        }
      }
      measurements[name] = {
        ...known,
        tags: { ...known.tags, ...measurement.tags },
        fields: { ...known.fields, ...measurement.fields },
      };
    }
  }
  return { hash: catalogHash(measurements), measurements };
}

export function catalogHash(measurements: Readonly<Record<string, MeasurementDeclaration>>): string {
  return contentHash(measurements);
}

/** 12 hex digits of FNV-1a (two 32-bit lanes) over the canonical JSON: equal content, same hash, on any machine. */
export function contentHash(value: unknown): string {
  const text = canonicalJson(value);
  let a = 0x811c9dc5;
  let b = 0x050c5d1f;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    a = Math.imul(a ^ code, 0x01000193);
    b = Math.imul(b ^ (code + i), 0x01000193);
  }
  return ((a >>> 0).toString(16).padStart(8, '0') + (b >>> 0).toString(16).padStart(8, '0')).slice(0, 12);
}

/** JSON with object keys in code-unit order, so that equal values have equal text. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (value !== null && typeof value === 'object') {
    const entries = Object.entries(value)
      .filter(([, v]) => v !== undefined)
      .sort(([x], [y]) => (x < y ? -1 : x > y ? 1 : 0));
    return `{${entries.map(([k, v]) => `${JSON.stringify(k)}:${canonicalJson(v)}`).join(',')}}`;
  }
  return JSON.stringify(value);
}
