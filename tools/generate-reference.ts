// Writes what in docs/reference is derived from code: the metrics reference from the catalog, a page for each collector, JSON
// Schemas of what travels, the commands of both programs as they are defined, and their exit codes.
// With --check it writes nothing and exits 1 if a file is not current.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { COLLECTORS, catalog, SELF_DECLARATIONS } from '@hostwire/collectors';
import type { CatalogMeasurement } from '@hostwire/model';
import {
  AckSchema,
  ActionRequestSchema,
  ActionResultSchema,
  CatalogSchema,
  ConfigSchema,
  HostInfoSchema,
  SampleSchema,
  SignedActionSchema,
} from '@hostwire/model/schema';
import { EXIT_MEANINGS, type ProgramShape, shapeOf } from '@hostwire/service';
import { programOf } from '../apps/agent/src/cli.ts';
import { COMMANDS } from '../apps/agent/src/commands.ts';
import { defineProgram } from '../apps/server/src/cli/command-line.ts';
import { collectorPages, PAGES } from './docs/collector-pages.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const reference = join(root, 'docs', 'reference');
const checking = process.argv.includes('--check');
let stale = 0;

put(join(reference, 'metrics.md'), metrics());
put(join(reference, 'cli.md'), commandLine([shapeOf(defineProgram()), shapeOf(programOf(COMMANDS))]));
put(join(reference, 'exit-codes.md'), exitCodes());
for (const [name, schema] of Object.entries({
  sample: SampleSchema,
  ack: AckSchema,
  info: HostInfoSchema,
  catalog: CatalogSchema,
  config: ConfigSchema,
  command: SignedActionSchema,
  action: ActionRequestSchema,
  'command-result': ActionResultSchema,
})) {
  put(
    join(reference, 'schema', `${name}.schema.json`),
    `${JSON.stringify({ $schema: 'https://json-schema.org/draft/2020-12/schema', ...schema }, null, 2)}\n`,
  );
}
const pages = collectorPages(COLLECTORS, (name) => readFileSync(join(root, 'packages/collectors/src', name, 'README.md'), 'utf8'));
for (const [file, text] of Object.entries(pages)) put(join(root, PAGES, file), text);
for (const file of existsSync(join(root, PAGES)) ? readdirSync(join(root, PAGES)) : []) {
  if (!Object.hasOwn(pages, file)) drop(join(root, PAGES, file));
}
process.exitCode = stale > 0 ? 1 : 0;

/** The page of a collector that there is no more. */
function drop(file: string): void {
  const name = relative(root, file);
  if (!checking) {
    rmSync(file);
    process.stdout.write(`removed ${name}\n`);
    return;
  }
  stale++;
  process.stderr.write(`${name} is of no collector: run npm run docs\n`);
}

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

function commandLine(programs: readonly ProgramShape[]): string {
  const lines = [
    '# Command line',
    '',
    'Generated from the commands as they are defined by `npm run docs`; do not edit. `--help` after any command says the same.',
    '',
    'In a checkout `hostwire` is `npm run hostwire --`. Commands that take `--json` print one JSON value to standard output and',
    'nothing else; what goes wrong is a sentence on standard error. [Exit codes](exit-codes.md).',
    '',
    'Completion: `source <(hostwire completion bash)` in `~/.bashrc`, the same with `zsh` after `compinit` in `~/.zshrc`, or',
    '`hostwire completion fish | source` in `config.fish`; `hostwire-agent` likewise.',
    '',
  ];
  for (const { name, commands } of programs) {
    lines.push(`## ${name}`, '');
    for (const { usage, name: command, description, words, options } of commands) {
      const title = command === '' ? `${name}, without a command` : `${name} ${command}`;
      lines.push(`### ${title}`, '', `\`${[name, usage].join(' ').trim()} [options]\`: ${sentence(description)}`, '');
      if (words.length > 0) lines.push(`First argument: ${words.map((word) => `\`${word}\``).join(', ')}.`, '');
      lines.push('| option | |', '|---|---|');
      for (const { names, value, description: help } of options)
        lines.push(`| \`${names.join(', ')}${value === null ? '' : ` ${placeholder(value)}`}\` | ${cell(help)} |`);
      lines.push('');
    }
  }
  return `${lines.join('\n')}`;
}

/** As `--help` of the agent writes it. */
function placeholder(value: { readonly kind: string; readonly name: string }): string {
  return value.kind === 'choice' ? value.name.replaceAll('|', '\\|') : value.name.toUpperCase();
}

function sentence(text: string): string {
  return /[.:]$/.test(text) ? text : `${text}.`;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}

function exitCodes(): string {
  const lines = ['# Exit codes', '', 'Generated from `packages/service/src/exit-codes.ts` by `npm run docs`; do not edit.', ''];
  for (const [program, meanings] of Object.entries(EXIT_MEANINGS)) {
    lines.push(`## ${program}`, '', '| code | meaning |', '|---|---|');
    for (const { code, meaning } of meanings) lines.push(`| ${code} | ${cell(meaning)} |`);
    lines.push('');
  }
  return lines.join('\n');
}
