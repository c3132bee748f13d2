import { AccessError } from '@hostwire/host-access';
import type { FieldValue, Row } from '@hostwire/model';
import Type from 'typebox';
import { type CollectContext, defineCollector } from '../collector.ts';
import { globs } from '../glob.ts';
import { isAbsent } from '../proc-text.ts';
import { FIELDS, MEASUREMENTS } from './declaration.ts';
import { parseIo, parseNamed } from './parse.ts';

type Fields = Record<string, FieldValue>;

const ROOT = '/proc/spl/kstat/zfs';

export const zfs = defineCollector({
  name: 'zfs',
  tier: 'medium',
  help: 'ZFS as its kernel module counts it: the ARC, pools and datasets.',
  measurements: MEASUREMENTS,
  options: Type.Object({
    datasets: Type.Boolean({ remote: true, default: true, description: 'Report each dataset (OpenZFS 2.0 and later)' }),
    ignore_datasets: Type.Array(Type.String(), {
      remote: true,
      default: [],
      description: 'Patterns of datasets to leave out, such as tank/docker/*',
    }),
  }),
  async probe(access) {
    try {
      await access.readFile(`${ROOT}/arcstats`);
      return { available: true };
    } catch (error) {
      if (!isAbsent(error)) throw error;
      return { available: false, reason: 'no ZFS module in this kernel' };
    }
  },
  async collect(context) {
    const { access, options, signal, report } = context;
    const entries = await access.readDir(ROOT, { signal });
    const names = [...FIELDS.keys()].filter((name) => entries.includes(name));
    const texts = await access.readFiles(
      names.map((name) => `${ROOT}/${name}`),
      { signal },
    );
    const fields: Fields = {};
    for (const [index, name] of names.entries()) {
      const text = texts[index];
      try {
        if (typeof text !== 'string') throw text ?? new AccessError('ENOENT', `${ROOT}/${name}: not read`);
        for (const [key, value] of parseNamed(text, `${ROOT}/${name}`)) {
          const [field] = FIELDS.get(name)?.get(key) ?? [];
          if (field !== undefined && typeof value !== 'string') fields[field] = value;
        }
      } catch (error) {
        report(error);
      }
    }
    const pools = await readPools(context, entries);
    const rows: Row[] = [];
    for (const [pool, own] of pools) {
      if (Object.keys(own).length > 0) rows.push({ tags: { pool }, fields: own });
      if (options.datasets) rows.push(...(await readDatasets(context, pool, globs(options.ignore_datasets))));
    }
    return { zfs: [{ tags: { pools: [...pools.keys()].join('::') }, fields }], zfs_pool: rows };
  },
});

/** The folders beside the files are the pools: what each says of itself. `io` is of old modules, `state` of those since 0.7. */
async function readPools({ access, signal, report }: CollectContext, entries: readonly string[]): Promise<Map<string, Fields>> {
  const others = entries.filter((entry) => !FIELDS.has(entry));
  const paths = others.flatMap((entry) => [`${ROOT}/${entry}/state`, `${ROOT}/${entry}/io`]);
  const texts = await access.readFiles(paths, { signal });
  const pools = new Map<string, Fields>();
  for (const [index, pool] of others.entries()) {
    const [health, io] = [texts[2 * index], texts[2 * index + 1]];
    if (typeof health !== 'string' && typeof io !== 'string') continue;
    const own: Fields = typeof health === 'string' ? { health: health.trim() } : {};
    pools.set(pool, own);
    try {
      if (typeof io === 'string') Object.assign(own, declared(parseIo(io, `${ROOT}/${pool}/io`)));
    } catch (error) {
      report(error);
    }
  }
  return pools;
}

async function readDatasets(
  { access, signal, report }: CollectContext,
  pool: string,
  isIgnored: (name: string) => boolean,
): Promise<Row[]> {
  let files: string[];
  try {
    files = await access.readDir(`${ROOT}/${pool}`, { signal });
  } catch (error) {
    // Exported a moment ago.
    if (isAbsent(error)) return [];
    throw error;
  }
  const paths = files.filter((name) => /^objset-/.test(name)).map((name) => `${ROOT}/${pool}/${name}`);
  const rows: Row[] = [];
  for (const [index, text] of (await access.readFiles(paths, { signal })).entries()) {
    // Unmounted a moment ago.
    if (typeof text !== 'string') continue;
    try {
      const values = parseNamed(text, paths[index] ?? pool);
      const dataset = values.get('dataset_name');
      if (typeof dataset === 'string' && !isIgnored(dataset)) rows.push({ tags: { pool, dataset }, fields: declared(values) });
    } catch (error) {
      report(error);
    }
  }
  return rows;
}

/** Numbers that `zfs_pool` declares. */
function declared(values: ReadonlyMap<string, FieldValue>): Fields {
  const fields = MEASUREMENTS['zfs_pool']?.fields ?? {};
  return Object.fromEntries([...values].filter(([name, value]) => typeof value !== 'string' && Object.hasOwn(fields, name)));
}
