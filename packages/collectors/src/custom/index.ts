import type { Row } from '@hostwire/model';
import { parseLines } from '@hostwire/model/line-protocol';
import Type from 'typebox';
import { type CollectContext, type CollectedRows, defineCollector } from '../collector.ts';
import { gauge, state } from '../declare.ts';
import { globs } from '../glob.ts';
import { ParseError } from '../proc-text.ts';
import { askEach } from '../targets.ts';
import { parseJsonRows, pointersOf } from './json.ts';
import { parsePrometheusLine } from './prometheus.ts';
import { RowSet } from './row-set.ts';
import { faultOf, readSource, Source } from './source.ts';

const MAX_SOURCES = 16;
/** Commands and requests at once: half of the commands that access to a host runs. */
const AT_ONCE = 4;

/** Says what is wrong with a line; the others are kept. */
type Bad = (line: number, why: string) => void;

export const custom = defineCollector({
  name: 'custom',
  tier: 'medium',
  optIn: true,
  undeclared: true,
  help: 'Your own commands and HTTP endpoints: line protocol, JSON, or the text format of Prometheus.',
  measurements: {
    custom: {
      help: 'One answer of one source. Its rows are in the measurements custom_*.',
      tags: { source: 'Name of the source' },
      fields: {
        success: state('bool', 'It could be asked'),
        rows: gauge('int', 'rows', 'Rows that it gave'),
        bad_lines: gauge('int', '1', 'Lines that do not read as what they should be'),
        dropped: gauge('int', '1', 'Values left out: NaN, infinite, without a valid name, twice, too many'),
      },
    },
  },
  options: Type.Object({
    sources: Type.Array(Source, {
      remote: false,
      default: [],
      maxItems: MAX_SOURCES,
      description: `What is run or asked, at most ${MAX_SOURCES}`,
    }),
    timeout_seconds: Type.Number({
      remote: true,
      minimum: 0.1,
      maximum: 300,
      default: 130,
      description: 'After this the collector is given up and reported',
    }),
  }),
  configuredNeeds: ({ sources }) => ({
    commands: sources.flatMap(({ command: [command, ...args] }) => (command === undefined ? [] : [{ command, args }])),
    sockets: sources.flatMap(({ socket, path }) => (socket === '' ? [] : [{ path: socket, get: [path] }])),
  }),
  async probe(_access, { sources }) {
    if (sources.length === 0) {
      return { available: false, reason: 'no sources', hint: '[[collectors.custom.sources]] with name, command or url, and format' };
    }
    const fault = faultOf(sources);
    return fault === null
      ? { available: true }
      : { available: false, reason: fault, hint: 'see [[collectors.custom.sources]] in the file' };
  },
  async collect(context) {
    const { options, memory, monotonic } = context;
    const due = options.sources.filter(({ name, interval_seconds }) => {
      const before = memory.get(`time ${name}`) as number | undefined;
      // Ticks come a little early or late.
      return before === undefined || monotonic - before >= interval_seconds * 950;
    });
    const answers = await askEach(context, due, AT_ONCE, (source) => collectOne(context, source));
    const all: CollectedRows = {};
    for (const rows of answers) for (const [name, list] of Object.entries(rows)) all[name] = [...(all[name] ?? []), ...list];
    return all;
  },
});

async function collectOne(context: CollectContext, source: Source): Promise<CollectedRows> {
  const { access, signal, memory, monotonic, report } = context;
  const { name } = source;
  memory.set(`time ${name}`, monotonic);
  const keep = source.format === 'json' ? pointersOf(source) : undefined;
  let badLines = 0;
  const found = new RowSet(name);
  let success = true;
  try {
    const text = await readSource(access, source, keep, { signal, timeout: Math.round(source.timeout_seconds * 1000) });
    read(text, source, found, (line, why) => {
      badLines += 1;
      // The runner keeps the first eight.
      report(new ParseError(`source ${name}, line ${line}: ${why}`));
    });
  } catch (error) {
    signal.throwIfAborted();
    success = false;
    report(error);
  }
  const rows = found.toRows();
  const row: Row = {
    tags: { source: name },
    fields: { success, rows: found.size, bad_lines: badLines, dropped: found.dropped },
  };
  return { ...rows, custom: [row] };
}

function read(text: string, source: Source, found: RowSet, bad: Bad): void {
  if (source.format === 'influx') readLineProtocol(text, found, bad);
  else if (source.format === 'prometheus') readPrometheus(text, source, found, bad);
  else for (const { tags, fields } of parseJsonRows(text, source)) found.add(source.name, tags, fields);
}

function readLineProtocol(text: string, found: RowSet, bad: Bad): void {
  const { points, errors } = parseLines(text, 'ns', 0);
  for (const { point } of points) found.add(point.measurement, point.tags, Object.entries(point.fields));
  for (const { line, message } of errors) bad(line, message.slice(message.lastIndexOf("': ") + 3));
}

function readPrometheus(text: string, { name, metrics }: Source, found: RowSet, bad: Bad): void {
  const wanted = globs(metrics);
  for (const [index, line] of text.split('\n').entries()) {
    try {
      const sample = parsePrometheusLine(line);
      if (sample !== null && wanted(sample.name)) found.add(name, sample.labels, [[sample.name, sample.value]]);
    } catch (error) {
      if (!(error instanceof ParseError)) throw error;
      bad(index + 1, error.message);
    }
  }
}
