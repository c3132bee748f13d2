import type { Catalog, FieldType } from '@hostwire/model';
import type { FieldTypes } from './to-points.ts';

export type CatalogLookup = (hash: string) => Promise<Catalog | null>;

type TypesByMeasurement = ReadonlyMap<string, FieldTypes>;

/** How long a catalog that is not known yet is not asked for again: it may come right after the first sample. */
const MISSING_MS = 5000;
const MAX_CATALOGS = 200;

/** Types of the fields of a sample: the server's catalog first, then the one that the sample names. */
export class FieldTypeSource {
  readonly #builtin: Catalog;
  readonly #builtinTypes: TypesByMeasurement;
  readonly #lookup: CatalogLookup;
  readonly #now: () => number;
  readonly #known = new Map<string, TypesByMeasurement>();
  readonly #missing = new Map<string, number>();
  readonly #asked = new Map<string, Promise<TypesByMeasurement>>();

  constructor(builtin: Catalog, lookup: CatalogLookup, now: () => number) {
    this.#builtin = builtin;
    this.#builtinTypes = typesOf([builtin]);
    this.#lookup = lookup;
    this.#now = now;
  }

  /** At once if the catalog is known, or is known to be missing; a promise if it has to be asked for. Never rejects. */
  get(hash: string): TypesByMeasurement | Promise<TypesByMeasurement> {
    if (hash === this.#builtin.hash || hash === '') return this.#builtinTypes;
    const known = this.#known.get(hash);
    if (known !== undefined) return known;
    const missingSince = this.#missing.get(hash);
    if (missingSince !== undefined && this.#now() - missingSince < MISSING_MS) return this.#builtinTypes;
    const asked = this.#asked.get(hash) ?? this.#ask(hash);
    this.#asked.set(hash, asked);
    return asked;
  }

  async #ask(hash: string): Promise<TypesByMeasurement> {
    const catalog = await this.#lookup(hash).catch(() => null);
    this.#asked.delete(hash);
    if (catalog === null) {
      // Hashes are what strangers send.
      if (this.#missing.size >= MAX_CATALOGS) this.#missing.clear();
      this.#missing.set(hash, this.#now());
      return this.#builtinTypes;
    }
    const types = typesOf([catalog, this.#builtin]);
    if (this.#known.size >= MAX_CATALOGS) this.#known.clear();
    this.#known.set(hash, types);
    this.#missing.delete(hash);
    return types;
  }
}

/** Of several catalogs the last one says what a field is. */
function typesOf(catalogs: readonly Catalog[]): TypesByMeasurement {
  const types = new Map<string, Record<string, FieldType>>();
  for (const { measurements } of catalogs) {
    for (const [measurement, { fields }] of Object.entries(measurements)) {
      const known = types.get(measurement) ?? (Object.create(null) as Record<string, FieldType>);
      for (const [field, { type }] of Object.entries(fields)) known[field] = type;
      types.set(measurement, known);
    }
  }
  return types;
}
