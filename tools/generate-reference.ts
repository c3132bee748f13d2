// Writes what in docs/reference is derived from code: the metrics reference from the catalog, JSON Schemas of what travels.
// With --check it writes nothing and exits 1 if a file is not current.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { COLLECTORS, catalog, SELF_DECLARATIONS } from '@hostwire/collectors';
import type { CatalogMeasurement } from '@hostwire/model';
import { AckSchema, CatalogSchema, ConfigSchema, HostInfoSchema, SampleSchema } from '@hostwire/model/schema';

const root = fileURLToPath(new URL('..', import.meta.url));
const reference = join(root, 'docs', 'reference');
const checking = process.argv.includes('--check');
let stale = 0;

put(join(reference, 'metrics.md'), metrics());
for (const [name, schema] of Object.entries({
  sample: SampleSchema,
  ack: AckSchema,
  info: HostInfoSchema,
  catalog: CatalogSchema,
  config: ConfigSchema,
})) {
  put(
    join(reference, 'schema', `${name}.schema.json`),
    `${JSON.stringify({ $schema: 'https://json-schema.org/draft/2020-12/schema', ...schema }, null, 2)}\n`,
  );
}
process.exitCode = stale > 0 ? 1 : 0;

function put(file: string, text: string): void {
  const name = relative(root, file);
  if (!checking) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    process.stdout.write(`wrote ${name}\n`);
    return;
  }
  if (current(file) === text) return;
  stale++;
  process.stderr.write(`${name} is not current: run npm run docs\n`);
}

function current(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}

function metrics(): string {
  const { measurements } = catalog();
  const names = Object.keys(measurements).sort();
  const intro = [
    '# Metrics',
    '',
    'Generated from the catalog by `npm run docs`; do not edit.',
    '',
    'Every point also has the tag `host`. Names are those of Telegraf wherever Telegraf has the thing. One deviation: what',
    'changes is a field and never a tag. Derived floats are rounded to three decimals unless a field says otherwise.',
    '',
    '| collector | tier | measurements |',
    '|---|---|---|',
    ...[...COLLECTORS, ...SELF_DECLARATIONS].map(({ name, tier, measurements: own }) => {
      const links = Object.keys(own).map((measurement) => `[${measurement}](#${measurement})`);
      return `| ${name} | ${tier} | ${links.join(', ')} |`;
    }),
    '',
  ];
  return `${[...intro, ...names.flatMap((name) => section(name, measurements[name]))].join('\n')}\n`.replace(/\n+$/, '\n');
}

function section(name: string, measurement: CatalogMeasurement | undefined): string[] {
  if (measurement === undefined) return [];
  const tags = Object.entries(measurement.tags).map(([tag, help]) => `- tag \`${tag}\`: ${help}`);
  const fields = Object.entries(measurement.fields).map(
    ([field, { type, unit, kind, help }]) => `| \`${field}\` | ${type} | ${unit} | ${kind} | ${help.replaceAll('|', '\\|')} |`,
  );
  return [
    `## ${name}`,
    '',
    `${measurement.help} Collector \`${measurement.collector}\`, tier ${measurement.tier}.`,
    '',
    ...(tags.length > 0 ? [...tags, ''] : []),
    '| field | type | unit | kind | |',
    '|---|---|---|---|---|',
    ...fields,
    '',
  ];
}
