import type { ServerProcess } from '../api/types.ts';
import { rate as byteRate, bytes, DASH, figure, type Quantity, whole } from '../format/number.ts';
import { span } from '../format/time.ts';
import { isSilent, type Reading, reasonsOf, totalOf } from './counters.ts';
import { waitingIn } from './trouble.ts';

/** One line of a station: what, how much, and the reasons behind it. */
export interface Fact {
  readonly label: string;
  /** A quantity, or a word. */
  readonly value: Quantity | string;
  /** A second figure, quieter: how much since the start. */
  readonly also?: string;
  /** "bad token 3, timeout 1". */
  readonly detail?: string;
  readonly tone?: 'warn' | 'crit';
}

/** One part of the way that a sample takes. */
export interface Station {
  readonly name: string;
  /** Why it has no figures, in a sentence; then `facts` is empty. */
  readonly absent?: string;
  readonly tone: 'ok' | 'warn';
  readonly facts: readonly Fact[];
}

const NONE: Quantity = { text: DASH, unit: '' };
const MOST_REASONS = 3;
const UNKNOWN = 'Not known: no process that is heard of tells.';

const amount = (value: number | null): Quantity => (value === null ? NONE : { text: whole(value), unit: '' });
const rate = (value: number | null): Quantity => (value === null ? NONE : { text: figure(value), unit: '/s' });
const written = ({ text, unit }: Quantity): string => [text, unit].filter(Boolean).join(' ');

function listed(reasons: readonly { readonly reason: string; readonly value: number }[]): string {
  const shown = reasons.filter(({ value }) => value > 0);
  const words = shown.slice(0, MOST_REASONS).map(({ reason, value }) => `${reason} ${whole(value)}`);
  return [...words, ...(shown.length > MOST_REASONS ? [`${shown.length - MOST_REASONS} more`] : [])].join(', ');
}

/** A flow: its change a second, and its sum since the start. */
function flow(label: string, readings: readonly Reading[], part: string, name: string, write = rate, sum = amount): Fact {
  const { value, perSecond } = totalOf(readings, (one) => one.part === part && one.name === name);
  return { label, value: write(perSecond), also: value === null ? '' : written(sum(value)) };
}

/** Something that should not happen: its sum since the start, amber while it grows. */
function mishap(label: string, readings: readonly Reading[], part: string, wanted: RegExp, prefix?: string): Fact {
  const { value, perSecond } = totalOf(readings, (one) => one.part === part && wanted.test(one.name));
  const detail = prefix === undefined ? '' : listed(reasonsOf(readings, part, prefix));
  return {
    label,
    value: amount(value ?? 0),
    ...(detail === '' ? {} : { detail }),
    ...((perSecond ?? 0) > 0 ? { tone: 'warn' as const } : {}),
  };
}

function level(label: string, readings: readonly Reading[], part: string, name: string, write = amount): Fact {
  const { value } = totalOf(readings, (one) => one.part === part && one.name === name);
  return { label, value: value === null ? NONE : write(value) };
}

/** What the drains do: the worst of it where there are several. */
function drainState(readings: readonly Reading[]): string {
  const on = (state: string): boolean =>
    readings.some(({ part, name, value }) => part === 'ingest' && name === `drain_state_${state}` && value > 0);
  return on('waiting') ? 'waits to try again' : on('writing') ? 'writes' : 'idle';
}

/**
 * The way of a sample through the processes that are heard of, station by station. `known` is false while the store
 * does not answer: what others do is then not known.
 */
export function deliveryOf(processes: readonly ServerProcess[], readings: readonly Reading[], now: number, known = true): Station[] {
  const heard = processes.filter((one) => !isSilent(one, now));
  const alive = new Set(heard.map(({ instance }) => instance));
  const live = readings.filter(({ instance }) => alive.has(instance));
  const degraded = (name: string): boolean => heard.some((one) => one.degraded.includes(name));
  const has = (part: string): boolean => live.some((one) => one.part === part);
  const tone = (bad: boolean): Station['tone'] => (bad ? 'warn' : 'ok');

  const embedded = live.some((one) => one.part === 'broker' && one.name === 'clients');
  const broker: Station = {
    name: 'Broker',
    tone: tone(degraded('broker')),
    ...(embedded
      ? {}
      : { absent: known ? 'An external broker. Its own counters are its own; clients that it refuses are in its log.' : UNKNOWN }),
    facts: embedded
      ? [
          level('Clients', live, 'broker', 'clients'),
          flow('Messages', live, 'broker', 'messages_received'),
          flow('Received', live, 'broker', 'bytes_received', byteRate, bytes),
          mishap('Refused', live, 'broker', /^refused_/, 'refused'),
        ]
      : [],
  };

  const waiting = waitingIn(heard, now);
  const ingest: Station = {
    name: 'Ingest',
    tone: tone(degraded('store') && waiting === null),
    ...(has('ingest') ? {} : { absent: known ? 'No process that is heard of takes samples in.' : UNKNOWN }),
    facts: has('ingest')
      ? [
          flow('Samples, acknowledged', live, 'ingest', 'samples'),
          mishap('Invalid', live, 'ingest', /^invalid_/, 'invalid'),
          mishap('Wrong clock', live, 'ingest', /^clock$/),
          mishap('Two agents, one identity', live, 'ingest', /^conflicts?$/),
          mishap('Not taken, to be sent again', live, 'ingest', /^(failed$|journal_refused_)/, 'journal_refused'),
          mishap('Acknowledgements not sent', live, 'ingest', /^acks_failed$/),
        ]
      : [],
  };

  const journal: Station = {
    name: 'Journal',
    tone: tone(degraded('journal') || (degraded('store') && waiting !== null)),
    ...(waiting === null
      ? { absent: has('ingest') ? 'None is needed: a commit of the embedded store is durable, and is what acknowledges.' : UNKNOWN }
      : {}),
    facts:
      waiting === null
        ? []
        : [
            level('Size', live, 'ingest', 'journal_bytes', bytes),
            {
              label: 'Waiting',
              value: amount(waiting.samples),
              also: written(bytes(waiting.bytes)),
              ...(degraded('store') ? { tone: 'warn' } : {}),
            },
            { label: 'Oldest waits', value: waiting.since === null ? NONE : { text: span((now - waiting.since) / 1000), unit: '' } },
            { label: 'Drain', value: drainState(live), ...(degraded('store') ? { tone: 'warn' } : {}) },
            mishap('Writes tried again', live, 'ingest', /^drain_retries_/, 'drain_retries'),
            mishap('Disk errors', live, 'ingest', /^journal_io_errors$/),
            mishap('Damaged, set aside', live, 'ingest', /^journal_(bad_segments|torn_tails)$/),
          ],
  };

  const ownStore = live.some((one) => one.part === 'store' && one.name === 'commits');
  const store: Station = {
    name: 'Store',
    tone: tone(degraded('store')),
    facts: ownStore
      ? [
          level('On disk', live, 'store', 'file_bytes', bytes),
          flow('Commits', live, 'store', 'commits'),
          flow('Points', live, 'ingest', 'points'),
          level('Series', live, 'store', 'series'),
          mishap('Failed commits', live, 'store', /^failed_commits$/),
          mishap('Fields not of their type', live, 'ingest', /^rejected_fields/, 'rejected_fields'),
        ]
      : [
          flow('Points', live, 'ingest', 'points'),
          flow('Samples written', live, 'ingest', 'drained'),
          mishap('Fields not of their type', live, 'ingest', /^rejected_fields/, 'rejected_fields'),
        ],
  };

  // An alert that is dropped was pending and came to nothing: no data is lost.
  const drops = live.filter(({ part, name, value }) => part !== 'alerting' && /dropped/.test(name) && value > 0);
  const dropped: Station = {
    name: 'Set aside and dropped',
    tone: tone(drops.some(({ perSecond }) => (perSecond ?? 0) > 0)),
    facts: [
      mishap('Dead letters', live, 'ingest', /^dead_letters$/),
      ...[...new Set(drops.map(({ part, name }) => `${part} ${name}`))].map((key): Fact => {
        const { value, perSecond } = totalOf(drops, (one) => `${one.part} ${one.name}` === key);
        return { label: key.replaceAll('_', ' '), value: amount(value), ...((perSecond ?? 0) > 0 ? { tone: 'warn' } : {}) };
      }),
      ...(drops.length === 0 ? [{ label: 'Dropped', value: amount(0) }] : []),
    ],
  };
  return [broker, ingest, journal, store, dropped];
}
