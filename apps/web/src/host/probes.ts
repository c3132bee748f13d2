import type { HostDetail, Row } from '../api/types.ts';
import { DASH, figure, type Quantity, whole } from '../format/number.ts';
import { span } from '../format/time.ts';
import { numberOf, rowsOf, textOf } from './rows.ts';
import {
  asWords,
  attention,
  type Cell,
  crit,
  figureCell,
  heads,
  machine,
  OK,
  type State,
  stateCell,
  type TableModel,
  warn,
  words,
  worstFirst,
} from './table-model.ts';

/** What a host asked of services and got, by the newest sample; what it does not ask is left out. */
export const PROBES = ['http_response', 'net_response', 'dns_query', 'ping', 'x509_cert'] as const;

export function probeTables(detail: HostDetail | null): TableModel[] {
  return [http(detail), tcp(detail), dns(detail), pings(detail), certificates(detail)].filter((table) => table !== null);
}

const ms = (value: number | null): Quantity => ({ text: figure(value), unit: value === null ? '' : 'ms' });
const SOON = 21 * 86_400;
const URGENT = 7 * 86_400;

/** How a question ended; what a server said wrong is as bad as no answer. */
export function probeState(row: Row): State {
  const result = textOf(row, 'result');
  if (numberOf(row, 'result_code') === 0 || result === 'success') return OK;
  return result === '' ? { glyph: 'nodata', tone: '', text: 'No result' } : crit(asWords(result));
}

interface ProbeTable {
  readonly measurement: (typeof PROBES)[number];
  readonly title: string;
  readonly heads: TableModel['heads'];
  readonly key: readonly string[];
  readonly state?: (row: Row) => State;
  readonly cells: (row: Row, state: Cell) => readonly Cell[];
}

function table(
  detail: HostDetail | null,
  { measurement, title, heads: own, key, state = probeState, cells }: ProbeTable,
): TableModel | null {
  const named = (row: Row): string => key.map((tag) => row.tags[tag] ?? '').join(' ');
  const rows = worstFirst(
    [...rowsOf(detail, measurement)].sort((a, b) => named(a).localeCompare(named(b))),
    state,
  );
  if (rows.length === 0) return null;
  return {
    ...{ title, heads: own, said: attention(rows.map(state)), time: detail?.latest[measurement]?.time ?? null },
    rows: rows.map((row) => ({ key: named(row), cells: cells(row, stateCell(state(row), textOf(row, 'error') || undefined)) })),
  };
}

const timings = (row: Row): Cell[] => [
  figureCell(ms(numberOf(row, 'response_time') === null ? null : (numberOf(row, 'response_time') ?? 0) * 1000)),
  ...['dns_ms', 'connect_ms', 'tls_ms', 'first_byte_ms'].map((field) => figureCell(ms(numberOf(row, field)))),
];
const TIMED = [['Total'], ['Name'], ['Connect'], ['TLS'], ['First byte']] as const;

const http = (detail: HostDetail | null): TableModel | null =>
  table(detail, {
    ...{ measurement: 'http_response', title: 'HTTP', key: ['server', 'method'] },
    heads: heads('Address', 'State', ['Status'], ...TIMED, 'Error'),
    cells: (row, state) => [
      machine(row.tags['server'] ?? ''),
      state,
      figureCell({ text: whole(numberOf(row, 'http_response_code')), unit: '' }),
      ...timings(row),
      words(textOf(row, 'error') || DASH, { quiet: true }),
    ],
  });

const tcp = (detail: HostDetail | null): TableModel | null =>
  table(detail, {
    ...{ measurement: 'net_response', title: 'TCP', key: ['server', 'port', 'protocol'] },
    heads: heads('Address', 'State', ...TIMED, 'Error'),
    cells: (row, state) => [
      machine([row.tags['server'], row.tags['port']].filter(Boolean).join(':')),
      state,
      ...timings(row),
      words(textOf(row, 'error') || DASH, { quiet: true }),
    ],
  });

const dns = (detail: HostDetail | null): TableModel | null =>
  table(detail, {
    ...{ measurement: 'dns_query', title: 'DNS', key: ['domain', 'record_type', 'server'] },
    heads: heads('Name', 'Type', 'Server', 'State', ['Time'], ['Answers'], 'Code'),
    cells: (row, state) => [
      machine(row.tags['domain'] ?? ''),
      machine(row.tags['record_type'] ?? '', true),
      machine(row.tags['server'] ?? '', true),
      state,
      figureCell(ms(numberOf(row, 'query_time_ms'))),
      figureCell({ text: whole(numberOf(row, 'answers')), unit: '' }),
      words(textOf(row, 'rcode') || textOf(row, 'error') || DASH, { quiet: true }),
    ],
  });

/** A ping that loses some packets is not well either. */
export function pingState(row: Row): State {
  const loss = numberOf(row, 'percent_packet_loss');
  const state = probeState(row);
  return state.tone === '' && loss !== null && loss > 0 ? warn(`${figure(loss)} % lost`) : state;
}

const pings = (detail: HostDetail | null): TableModel | null =>
  table(detail, {
    ...{ measurement: 'ping', title: 'Ping', key: ['url'], state: pingState },
    heads: heads('Host', 'State', ['Mean'], ['Shortest'], ['Longest'], ['Lost']),
    cells: (row, state) => [
      machine(row.tags['url'] ?? ''),
      state,
      ...['average_response_ms', 'minimum_response_ms', 'maximum_response_ms'].map((field) => figureCell(ms(numberOf(row, field)))),
      figureCell({ text: figure(numberOf(row, 'percent_packet_loss')), unit: numberOf(row, 'percent_packet_loss') === null ? '' : '%' }),
    ],
  });

/** How long a certificate is still good, and whether it is believed. */
export function certificateState(row: Row): State {
  const asked = probeState(row);
  if (asked.tone !== '') return asked;
  const left = numberOf(row, 'expiry');
  if (left !== null && left < 0) return crit(`Expired ${span(-left)} ago`);
  if (textOf(row, 'verification') === 'invalid') return crit(asWords(textOf(row, 'verification_error').toLowerCase()) || 'Invalid');
  if (left !== null && left < SOON) return (left < URGENT ? crit : warn)(`Expires in ${span(left)}`);
  return { ...OK, text: 'Valid' };
}

const certificates = (detail: HostDetail | null): TableModel | null =>
  table(detail, {
    ...{ measurement: 'x509_cert', title: 'Certificates', key: ['source', 'type', 'common_name'], state: certificateState },
    heads: heads('Name', 'State', ['Expires in'], 'Source', 'Kind', 'Issuer', 'Error'),
    cells: (row, state) => {
      const left = numberOf(row, 'expiry');
      return [
        machine(row.tags['common_name'] || DASH),
        state,
        figureCell({ text: left === null ? DASH : left < 0 ? 'expired' : span(left), unit: '' }),
        machine(row.tags['source'] ?? '', true),
        words(row.tags['type'] ?? '', { quiet: true }),
        words(textOf(row, 'issuer_common_name') || DASH, { quiet: true }),
        words(textOf(row, 'verification_error') || textOf(row, 'error') || DASH, { quiet: true }),
      ];
    },
  });
