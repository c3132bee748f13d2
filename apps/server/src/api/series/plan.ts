import { type FieldDeclaration, type FieldType, SERVER_MEASUREMENT } from '@hostwire/model';
import { quoteIdentifier } from '@hostwire/store';
import type { ApiContext } from '../context.ts';
import { ApiError } from '../errors.ts';
import type { SeriesQueryInput } from '../schemas.ts';
import { parseConditions, parseGroupBy, parseHosts } from './conditions.ts';
import { chooseStep, parseRange } from './range.ts';
import type { Aggregate, SeriesPlan } from './statement.ts';

type Known = Pick<FieldDeclaration, 'type'> & { readonly declared: FieldDeclaration | null };

/** Checks a question against the catalog, or for what only others wrote against the store. Throws ApiError. */
export async function planSeries(
  query: SeriesQueryInput,
  context: Pick<ApiContext, 'live' | 'store' | 'database' | 'now'>,
): Promise<{ plan: SeriesPlan; unit: string | null }> {
  const { measurement, field } = query;
  const aggregate = query.aggregate ?? 'mean';
  const known = await findField(measurement, field, context);
  checkAggregate(aggregate, measurement, field, known);
  const range = parseRange(query.from, query.to, context.now());
  const hosts = parseHosts(query.host);
  const groupBy = parseGroupBy(query.group_by);
  const where = parseConditions(query.where);
  const declared = context.live.catalogs.measurement(measurement);
  if (declared !== undefined) {
    const unknown = [...groupBy, ...where.map(({ tag }) => tag)].find((tag) => tag !== 'host' && !Object.hasOwn(declared.tags, tag));
    if (unknown !== undefined) {
      const tags = ['host', ...Object.keys(declared.tags)].join(', ');
      throw new ApiError('unknown-tag', `${measurement} has no tag ${JSON.stringify(unknown)}; it has: ${tags}.`);
    }
  }
  const step = chooseStep(query.step, range, intervalOf(measurement, hosts, context));
  return { plan: { measurement, field, aggregate, range, step, hosts, groupBy, where }, unit: unitOf(aggregate, known.declared?.unit) };
}

async function findField(
  measurement: string,
  field: string,
  { live, store, database }: Pick<ApiContext, 'live' | 'store' | 'database'>,
): Promise<Known> {
  const fields = live.catalogs.measurement(measurement)?.fields;
  const declared = fields !== undefined && Object.hasOwn(fields, field) ? fields[field] : undefined;
  if (declared !== undefined) return { type: declared.type, declared };
  const { results } = await store.query(`SHOW FIELD KEYS FROM ${quoteIdentifier(measurement)}`, { database });
  const rows = results[0]?.series?.[0]?.values ?? [];
  // A counter is written from the first time on that it counts: until then it is no mistake of who asks.
  const isSelf = measurement === SERVER_MEASUREMENT;
  if (rows.length === 0 && fields === undefined && !isSelf) {
    throw new ApiError('unknown-measurement', `There is no measurement ${JSON.stringify(measurement)}; /api/catalog lists them.`);
  }
  const type = rows.find(([name]) => name === field)?.[1];
  if (type === undefined && isSelf) return { type: 'int', declared: null };
  if (type === undefined)
    throw new ApiError('unknown-field', `${measurement} has no field ${JSON.stringify(field)}; /api/catalog lists them.`);
  return { type: STORE_TYPES[String(type)] ?? 'string', declared: null };
}

const STORE_TYPES: Readonly<Record<string, FieldType>> = {
  float: 'float',
  integer: 'int',
  unsigned: 'int',
  boolean: 'bool',
  string: 'string',
};

function checkAggregate(aggregate: Aggregate, measurement: string, field: string, { type, declared }: Known): void {
  const name = `${measurement}.${field}`;
  const isNumber = type === 'int' || type === 'float';
  const isAllowed = isNumber || aggregate === 'count' || (type === 'bool' && (aggregate === 'first' || aggregate === 'last'));
  if (!isAllowed) throw new ApiError('not-a-number', `${name} is of type ${type}, which has no ${aggregate}; count works.`);
  if (aggregate === 'rate' && declared !== null && declared.kind !== 'counter') {
    throw new ApiError('not-a-counter', `${name} is a ${declared.kind}; a rate is of counters: use mean.`);
  }
}

function unitOf(aggregate: Aggregate, unit: string | undefined): string | null {
  if (aggregate === 'count') return '1';
  if (unit === undefined) return null;
  return aggregate === 'rate' ? `${unit}/s` : unit;
}

/** The longest interval of the hosts in question, in ms: shorter buckets would be empty now and then. */
function intervalOf(measurement: string, hosts: readonly string[], { live }: Pick<ApiContext, 'live'>): number {
  const tier = live.catalogs.measurement(measurement)?.tier ?? 'fast';
  let longest = 0;
  for (const host of live.hosts()) {
    if (hosts.length > 0 && !hosts.includes(host.host)) continue;
    longest = Math.max(longest, host.latest(measurement)?.interval ?? host.intervalOf(tier) ?? 0);
  }
  return longest * 1000;
}
