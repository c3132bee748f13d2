import { type Catalog, type CatalogMeasurement, catalogHash } from '@hostwire/model';

/** What this server knows of measurements: its own declarations, and those that agents sent. */
export interface CatalogIndex {
  /** The server's own declarations. */
  readonly own: Catalog;
  /** The union; where two say different things of one field, the server's own word counts, then the older one's. */
  merged(): Catalog;
  /** True if it was not known yet. */
  add(catalog: Catalog): boolean;
  get(hash: string): Catalog | undefined;
  /** A measurement as the catalog with this hash has it, else as the union has it. */
  measurement(name: string, hash?: string): CatalogMeasurement | undefined;
}

/** Agents of more different versions than this share the union. */
const MAX_CATALOGS = 256;

export function createCatalogIndex(own: Catalog): CatalogIndex {
  const byHash = new Map<string, Catalog>([[own.hash, own]]);
  let union: Catalog = own;
  return {
    own,
    merged: () => union,
    get: (hash) => byHash.get(hash),
    add(catalog) {
      if (byHash.has(catalog.hash) || byHash.size >= MAX_CATALOGS) return false;
      byHash.set(catalog.hash, catalog);
      union = merge(union, catalog);
      return true;
    },
    measurement: (name, hash) => lookUp(byHash.get(hash ?? '')?.measurements, name) ?? lookUp(union.measurements, name),
  };
}

/** Names come from the wire: `constructor` is no measurement. */
function lookUp<T>(table: Readonly<Record<string, T>> | undefined, name: string): T | undefined {
  return table !== undefined && Object.hasOwn(table, name) ? table[name] : undefined;
}

function merge(first: Catalog, second: Catalog): Catalog {
  const merged = new Map(Object.entries(first.measurements));
  for (const [name, added] of Object.entries(second.measurements)) {
    const known = merged.get(name);
    const both = known && { ...known, tags: { ...added.tags, ...known.tags }, fields: { ...added.fields, ...known.fields } };
    merged.set(name, both ?? added);
  }
  const measurements = Object.fromEntries(merged);
  return { hash: catalogHash(measurements), measurements };
}
