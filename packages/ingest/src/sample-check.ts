import { type Catalog, isHostId, type Sample, TIERS } from '@hostwire/model';
import { sampleCheck } from '@hostwire/model/schema';
import { sampleFault } from './sample-fault.ts';

const RUN = /^[A-Za-z0-9]{1,32}$/;
const HASH = /^[0-9a-f]{0,64}$/;
/** Shorter than any limit of the schema, whatever its unit of length. */
const MAX_FIELD_TEXT = 16_384;
const MAX_TAG_TEXT = 256;
const MAX_ROWS = 10_000;
const MAX_LEARNT = 5000;
const MAX_EXPLAINED_PER_SECOND = 100;

/**
 * Checks samples against SampleSchema. The schema's patterns run once for each name in each row, which costs as much as
 * parsing the JSON; the names of a fleet are nearly always the same. So a sample whose names have all been seen in a
 * valid one is checked by hand, and only where that does not say yes the schema decides.
 */
export class SampleCheck {
  readonly #measurements = new Set<string>();
  readonly #names = new Set<string>();
  #learnt = 0;
  #explained = 0;
  #explainingSince = 0;

  /** The names of this catalog are known from the beginning, and are not among those that strangers could use up. */
  constructor(catalog: Catalog) {
    for (const [measurement, { tags, fields }] of Object.entries(catalog.measurements)) {
      const rows = [
        {
          tags: Object.fromEntries(Object.keys(tags).map((name) => [name, 'x'])),
          fields: Object.fromEntries(Object.keys(fields).map((name) => [name, 0])),
        },
      ];
      if (
        sampleCheck.Check({
          v: 1,
          host: 'x',
          tier: 'fast',
          run: 'x',
          seq: 1,
          time: 0,
          interval: 1,
          catalog: '',
          data: { [measurement]: rows },
        })
      ) {
        this.#add(measurement, rows);
      }
    }
  }

  passes(value: unknown): value is Sample {
    if (this.certain(value)) return true;
    if (!sampleCheck.Check(value)) return false;
    this.#learn(value as Sample);
    return true;
  }

  /** Why a value that did not pass is no sample. In a flood only some are looked at: it costs more than the check. */
  explain(value: unknown): string {
    const now = performance.now();
    if (now - this.#explainingSince >= 1000) {
      this.#explainingSince = now;
      this.#explained = 0;
    }
    return ++this.#explained > MAX_EXPLAINED_PER_SECOND ? 'is not a sample; too many came at once to say why' : sampleFault(value);
  }

  /** True only if the schema takes it too. */
  certain(value: unknown): boolean {
    if (typeof value !== 'object' || value === null) return false;
    const sample = value as Partial<Record<keyof Sample, unknown>>;
    const { host, tier, run, seq, time, interval, catalog, backfill } = sample;
    return (
      sample.v === 1 &&
      typeof host === 'string' &&
      isHostId(host) &&
      (TIERS as readonly unknown[]).includes(tier) &&
      typeof run === 'string' &&
      RUN.test(run) &&
      Number.isSafeInteger(seq) &&
      (seq as number) >= 1 &&
      Number.isSafeInteger(time) &&
      (time as number) >= 0 &&
      (time as number) <= 8_640_000_000_000_000 &&
      typeof interval === 'number' &&
      interval > 0 &&
      interval <= 86_400 &&
      typeof catalog === 'string' &&
      HASH.test(catalog) &&
      sample.errors === undefined &&
      (backfill === undefined || typeof backfill === 'boolean') &&
      this.#certainRows(sample.data)
    );
  }

  #certainRows(rowsByMeasurement: unknown): boolean {
    if (!isRecord(rowsByMeasurement)) return false;
    for (const measurement in rowsByMeasurement) {
      const rows = rowsByMeasurement[measurement];
      if (!this.#measurements.has(measurement) || !Array.isArray(rows) || rows.length > MAX_ROWS) return false;
      for (const row of rows) if (!this.#certainRow(row)) return false;
    }
    return true;
  }

  #certainRow(row: unknown): boolean {
    if (!isRecord(row)) return false;
    for (const part in row) if (part !== 'fields' && part !== 'tags') return false;
    const { fields, tags } = row;
    if (!isRecord(fields)) return false;
    let some = false;
    for (const name in fields) {
      const value = fields[name];
      some = true;
      if (!this.#names.has(name)) return false;
      // 1e999 is JSON, and no number that the schema takes.
      if (!Number.isFinite(value) && typeof value !== 'boolean' && !(typeof value === 'string' && value.length <= MAX_FIELD_TEXT))
        return false;
    }
    if (!some) return false;
    if (tags === undefined) return true;
    if (!isRecord(tags)) return false;
    for (const name in tags) {
      const value = tags[name];
      if (!this.#names.has(name) || typeof value !== 'string' || value === '' || value.length > MAX_TAG_TEXT) return false;
    }
    return true;
  }

  #learn({ data }: Sample): void {
    for (const measurement in data) {
      if (this.#learnt >= MAX_LEARNT) return;
      const before = this.#names.size + this.#measurements.size;
      this.#add(measurement, data[measurement] ?? []);
      this.#learnt += this.#names.size + this.#measurements.size - before;
    }
  }

  #add(measurement: string, rows: Sample['data'][string]): void {
    this.#measurements.add(measurement);
    for (const { tags, fields } of rows) {
      for (const name in tags) this.#names.add(name);
      for (const name in fields) this.#names.add(name);
    }
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
