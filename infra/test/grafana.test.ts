import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { catalog } from '@hostwire/collectors';
import type { FieldValue, PointGroup } from '@hostwire/model';
import { type EmbeddedStore, openEmbeddedStore } from '@hostwire/store';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';

const grafana = fileURLToPath(new URL('../grafana', import.meta.url));
const read = (...path: string[]): string => readFileSync(join(grafana, ...path), 'utf8');

interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly query: string; readonly datasource: { readonly uid: string } }[];
  };
  readonly panels: readonly {
    readonly id: number;
    readonly title: string;
    readonly datasource: { readonly uid: string };
    readonly targets: readonly { readonly query: string; readonly datasource: { readonly uid: string } }[];
  }[];
}
const dashboards = readdirSync(join(grafana, 'dashboards')).map(
  (file) => [file, JSON.parse(read('dashboards', file)) as Dashboard] as const,
);
const TAGS: Readonly<Record<string, string>> = { cpu: 'cpu-total', network: 'total', device: 'total', type: 'some' };
/** Of which the server itself writes, without a declaration. */
const OWN = 'hostwire';

it('provisions one data source and the folder of the dashboards, with no secret in it', () => {
  const sources = parse(read('provisioning/datasources/hostwire.yaml')) as {
    datasources: { uid: string; type: string; jsonData: { dbName: string }; secureJsonData: Record<string, string> }[];
  };
  expect(sources.datasources).toHaveLength(1);
  const [source] = sources.datasources;
  expect(source).toMatchObject({ uid: 'hostwire', type: 'influxdb', jsonData: { dbName: 'hostwire' } });
  for (const secret of Object.values(source?.secureJsonData ?? {})) expect(secret).toMatch(/^\$__file\{\/grafana-credentials\/[a-z.]+\}$/);
  const { providers } = parse(read('provisioning/dashboards/hostwire.yaml')) as { providers: { options: { path: string } }[] };
  expect(providers.map(({ options }) => options.path)).toEqual(['/etc/hostwire/dashboards']);
});

describe.each(dashboards)('dashboard %s', (_, dashboard) => {
  let store: EmbeddedStore;
  const now = Date.now();
  const directory = mkdtempSync(join(tmpdir(), 'hostwire-test-'));

  beforeAll(async () => {
    store = await openEmbeddedStore({ directory });
    expect((await store.write(points(now))).rejected).toEqual([]);
  });
  afterAll(async () => {
    await store.close();
    rmSync(directory, { recursive: true, force: true });
  });

  const ask = async (query: string) => {
    const text = query
      .replaceAll('$timeFilter', `time >= ${now - 900_000}ms and time <= ${now}ms`)
      .replaceAll('$__interval', '60s')
      .replaceAll(/\$(host|container|instance)\b/g, '.*');
    expect(text).not.toMatch(/\$[_a-z]/);
    const { results } = await store.query(text, { database: 'hostwire', epoch: 'ms' });
    expect([text, results.map(({ error }) => error)]).toEqual([text, [undefined]]);
    return results[0]?.series ?? [];
  };

  it('asks the provisioned data source for what there is', async () => {
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
    for (const { title, datasource, targets } of dashboard.panels) {
      expect([title, datasource.uid, targets.length > 0]).toEqual([title, 'hostwire', true]);
      for (const { query, datasource: own } of targets) {
        expect(own.uid).toBe('hostwire');
        const series = await ask(query);
        // What the server writes of itself it writes only while it runs.
        if (!query.includes(`FROM "${OWN}"`)) expect([title, query, series.length > 0]).toEqual([title, query, true]);
      }
    }
    for (const { name, query, datasource } of dashboard.templating.list) {
      expect(datasource.uid).toBe('hostwire');
      if (!query.includes(`FROM "${OWN}"`)) expect([name, (await ask(query)).length > 0]).toEqual([name, true]);
    }
  });
});

/** A quarter of an hour of everything that the catalog declares, of one host. */
function points(now: number): PointGroup[] {
  return Array.from({ length: 15 }, (_, minute) => ({
    ...{ database: 'hostwire', source: 'box/fast', time: now - minute * 60_000 },
    points: Object.entries(catalog().measurements).map(([measurement, { tags, fields }]) => ({
      measurement,
      tags: Object.fromEntries([...Object.keys(tags), 'host'].sort().map((tag) => [tag, TAGS[tag] ?? 'one'])),
      fields: Object.fromEntries(Object.entries(fields).map(([name, { type }]) => [name, exampleOf(type, minute)])),
      types: Object.fromEntries(Object.entries(fields).map(([name, { type }]) => [name, type])),
    })),
  }));
}

function exampleOf(type: string, minute: number): FieldValue {
  if (type === 'string') return 'word';
  return type === 'bool' ? true : 1000 - minute;
}
