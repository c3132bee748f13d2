import { posix } from 'node:path';
import type { Collector, CollectorNeeds, CommandNeed } from '@hostwire/collectors';
import type { FieldDeclaration, MeasurementDeclaration } from '@hostwire/model';

/** Where the pages are, and where the READMEs of the collectors, from the root of the checkout. */
export const PAGES = 'docs/reference/collectors';
const SOURCES = 'packages/collectors/src';

/** The part of JSON Schema that options are written in. */
interface Option {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly remote?: boolean;
  readonly const?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, Option>>;
  readonly items?: Option;
  readonly anyOf?: readonly Option[];
}

/** File name -> text: a page for each collector from its declaration and its README, and `README.md`, the list of them. */
export function collectorPages(collectors: readonly Collector[], readme: (name: string) => string): Record<string, string> {
  const sorted = [...collectors].sort((a, b) => (a.name < b.name ? -1 : 1));
  const pages = sorted.map((collector) => [`${collector.name}.md`, page(collector, readme(collector.name))] as const);
  return { 'README.md': index(sorted), ...Object.fromEntries(pages) };
}

function index(collectors: readonly Collector[]): string {
  return [
    '# Collectors',
    '',
    'Generated from their declarations and READMEs by `npm run docs`; do not edit.',
    '',
    '| collector | tier | | runs |',
    '|---|---|---|---|',
    ...collectors.map(({ name, tier, help, optIn, needs }) => {
      const commands = [...new Set((needs?.commands ?? []).map(({ command }) => `\`${command}\``))];
      return `| [${name}](${name}.md) | ${tier} | ${cell(help)}${optIn ? ' Off until it is switched on.' : ''} | ${commands.join(', ')} |`;
    }),
    '',
    "Each has a table `[collectors.<name>]` in the agent's file, with options of its own and these, which a server may set too:",
    '',
    '| option | default | |',
    '|---|---|---|',
    '| `enabled` | `true`; `false` where the table above says so | whether it runs |',
    '| `tier` | as above | `fast`, `medium` or `slow`: how often |',
    '| `timeout_seconds` | 10, unless its page says otherwise | after this it is given up and reported |',
    '',
    'The agent says by `hostwire-agent --list` which of them work on a host, and what the others lack. To add one: [write a collector](../../guides/write-a-collector.md).',
    '',
  ].join('\n');
}

function page(collector: Collector, readme: string): string {
  const { name, tier, help, optIn, measurements, options, needs } = collector;
  return [
    `# ${name}`,
    '',
    `Generated from its declaration and its README by \`npm run docs\`; do not edit. [All collectors](README.md).`,
    '',
    `${help} Tier ${tier}.${optIn ? ' Off until it is switched on.' : ''}`,
    '',
    ...Object.entries(measurements).flatMap(([measurement, declaration]) => measurementSection(measurement, declaration)),
    ...optionSection(options as Option),
    ...needSection(needs ?? {}),
    ...prose(name, readme),
  ]
    .join('\n')
    .replace(/\n*$/, '\n');
}

function measurementSection(name: string, { help, tags, fields }: MeasurementDeclaration): string[] {
  return [
    `## Measurement \`${name}\``,
    '',
    help,
    '',
    ...Object.entries(tags).map(([tag, meaning]) => `- tag \`${tag}\`: ${meaning}`),
    ...(Object.keys(tags).length > 0 ? [''] : []),
    '| field | type | unit | kind | |',
    '|---|---|---|---|---|',
    ...Object.entries(fields).map(([field, declaration]) => fieldLine(field, declaration)),
    '',
  ];
}

function fieldLine(field: string, { type, unit, kind, help }: FieldDeclaration): string {
  return `| \`${field}\` | ${type} | ${unit} | ${kind} | ${cell(help)} |`;
}

function optionSection({ properties = {} }: Option): string[] {
  const lines = Object.entries(properties).flatMap(([key, option]) => optionLines(key, option, option.remote === true));
  if (lines.length === 0) return [];
  return ['## Options', '', '| option | type | default | by a server | |', '|---|---|---|---|---|', ...lines, ''];
}

/** One line for an option, and one for each key of the tables that it is a list of. */
function optionLines(key: string, option: Option, isRemote: boolean): string[] {
  const line = `| \`${key}\` | ${cell(typeOf(option))} | ${defaultOf(option)} | ${isRemote ? 'yes' : 'no'} | ${cell(option.description ?? '')} |`;
  const inner = option.items?.anyOf ?? (option.items === undefined ? [] : [option.items]);
  const seen = new Set<string>();
  const below = inner.flatMap(({ properties = {} }) =>
    Object.entries(properties).flatMap(([name, property]) => {
      if (seen.has(name)) return [];
      seen.add(name);
      return optionLines(`${key}[].${name}`, property, isRemote);
    }),
  );
  return [line, ...below];
}

function typeOf({ type, const: only, anyOf, items, minimum, maximum }: Option): string {
  if (only !== undefined) return `\`${JSON.stringify(only)}\``;
  if (anyOf !== undefined) return anyOf.every(({ properties }) => properties !== undefined) ? 'table' : anyOf.map(typeOf).join(', ');
  if (type === 'array') return `list of ${items === undefined ? 'anything' : typeOf(items)}`;
  const range = minimum !== undefined && maximum !== undefined ? `, ${minimum} to ${maximum}` : '';
  return `${{ object: 'table', string: 'text', integer: 'whole number', boolean: 'true or false' }[type ?? ''] ?? type ?? 'anything'}${range}`;
}

function defaultOf({ default: value }: Option): string {
  if (value === undefined) return '';
  return value === '' ? 'empty' : `\`${cell(JSON.stringify(value))}\``;
}

function needSection({ commands = [], files = [], sockets = [] }: CollectorNeeds): string[] {
  const lines = [
    ...commands.map((need) => `- runs \`${commandLine(need)}\`${need.sudo ? ' as root' : ''}`),
    ...files.map((file) => `- reads \`${file}\``),
    ...sockets.map(({ path, get }) => `- asks \`${path}\`${get.length > 0 ? ` for ${get.map((each) => `\`${each}\``).join(', ')}` : ''}`),
  ];
  return lines.length === 0 ? [] : ['## What it runs and reads beyond /proc and /sys', '', ...lines, ''];
}

/** A pattern stands between slashes, as in other places where a word may be one of many. */
function commandLine({ command, args }: CommandNeed): string {
  return [command, ...args.map((arg) => (typeof arg === 'string' ? arg : `/${arg.pattern}/`))].join(' ');
}

/** The README below a heading, its own headings one lower, its links as they are from the page. */
function prose(name: string, readme: string): string[] {
  const [, ...lines] = readme.trim().split('\n');
  let fence = '';
  const lowered = lines.map((line) => {
    const mark = /^(`{3,})/.exec(line)?.[1] ?? '';
    if (mark !== '') fence = fence === '' ? mark : mark === fence ? '' : fence;
    return fence === '' && /^#{2,5} /.test(line) ? `#${line}` : line;
  });
  const moved = lowered.join('\n').replace(/\]\((?![a-z]+:|#)([^)\s]+)\)/g, (_, target: string) => {
    const [path = '', anchor] = target.split('#');
    const link = posix.relative(PAGES, posix.join(SOURCES, name, path));
    return `](${link}${anchor === undefined ? '' : `#${anchor}`})`;
  });
  return ['## Notes', moved];
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
