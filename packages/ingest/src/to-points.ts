import type { Fields, FieldType, FieldValue, Point, PointGroup, Sample, Tags } from '@hostwire/model';

/** Field name -> declared type; without a prototype, so that a field called `constructor` is not declared. */
export type FieldTypes = Readonly<Record<string, FieldType>>;

const NO_TYPES: FieldTypes = Object.freeze(Object.create(null)) as FieldTypes;
/** JSON.parse makes it an own property; assigning it to another object would set that one's prototype. */
const FORBIDDEN = '__proto__';
const DECIMAL = /^-?\d{1,19}$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const UNCLEAN = /[\u0000-\u001f\u007f\ud800-\udfff]|\\$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0000-\u001f\u007f]+/g;

/**
 * A sample as a store takes it, one group. Types come from `types`; a decimal string in an int field becomes a bigint
 * (that is how integers beyond 2^53-1 travel). Tags get `host`, which a row cannot override, and are clean and sorted.
 */
export function toPoints(sample: Sample, types: ReadonlyMap<string, FieldTypes>, database: string): PointGroup {
  const { host, tier, time, data } = sample;
  const hostOnly: Tags = { host };
  const points: Point[] = [];
  for (const measurement in data) {
    if (measurement === FORBIDDEN) continue;
    const declared = types.get(measurement) ?? NO_TYPES;
    for (const row of data[measurement] ?? []) {
      points.push({
        measurement,
        tags: row.tags === undefined ? hostOnly : withHost(host, row.tags),
        fields: typedFields(row.fields, declared),
        types: declared,
      });
    }
  }
  return { database, source: `${host}/${tier}`, time, points };
}

/** The fields themselves where nothing has to change, which is nearly always. */
function typedFields(fields: Fields, types: FieldTypes): Fields {
  for (const name in fields) {
    if (name === FORBIDDEN || (types[name] === 'int' && typeof fields[name] === 'string')) return copyFields(fields, types);
  }
  return fields;
}

function copyFields(fields: Fields, types: FieldTypes): Fields {
  const copy: Record<string, FieldValue> = {};
  for (const [name, value] of Object.entries(fields)) {
    if (name === FORBIDDEN) continue;
    copy[name] = types[name] === 'int' && typeof value === 'string' && DECIMAL.test(value) ? BigInt(value) : value;
  }
  return copy;
}

function withHost(host: string, tags: Tags): Tags {
  let previous = '';
  for (const name in tags) {
    if (name <= previous || name === 'host' || name === FORBIDDEN || UNCLEAN.test(name) || UNCLEAN.test(tags[name] ?? '')) {
      return cleanTags(host, tags);
    }
    previous = name;
  }
  const sorted: Record<string, string> = {};
  let placed = false;
  for (const name in tags) {
    if (!placed && name > 'host') {
      sorted['host'] = host;
      placed = true;
    }
    sorted[name] = tags[name] ?? '';
  }
  if (!placed) sorted['host'] = host;
  return sorted;
}

function cleanTags(host: string, tags: Tags): Tags {
  const entries: [name: string, value: string][] = [['host', host]];
  for (const [name, value] of Object.entries(tags)) {
    const cleanName = clean(name);
    const cleanValue = clean(value);
    if (cleanName !== '' && cleanValue !== '' && cleanName !== 'host' && cleanName !== FORBIDDEN) entries.push([cleanName, cleanValue]);
  }
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Control characters and a backslash at the end break the line protocol of InfluxDB; half a surrogate pair is no UTF-8. */
function clean(text: string): string {
  return Buffer.from(text.replace(CONTROL, ' ').replace(/\\+$/, ''), 'utf8').toString('utf8');
}
