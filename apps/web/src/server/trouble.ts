import type { ServerProcess, ServerState } from '../api/types.ts';
import { bytes, count } from '../format/number.ts';
import { since, span } from '../format/time.ts';
import { isSilent } from './counters.ts';

/** Something of the server that does not work as it should: what is so, and what to do. */
export interface Trouble {
  readonly key: string;
  readonly severity: 'critical' | 'warning' | 'info';
  readonly title: string;
  readonly sentence: string;
  readonly advice: string;
  /** A command line that helps. */
  readonly command?: string;
  /** Names of the processes that say so; they come from their machines. */
  readonly instances: readonly string[];
}

type Look = Pick<Trouble, 'severity' | 'title' | 'sentence' | 'advice'> & { readonly command?: string };

const COMMAND = 'npm run hostwire --';
const WEIGHT = { critical: 0, warning: 1, info: 2 } as const;

/** What waits in the journals of these processes for the store. */
export interface Waiting {
  readonly samples: number;
  readonly bytes: number;
  /** When the oldest of it was taken, ms; null: not known. */
  readonly since: number | null;
}

/** Null: these processes have no journal, their store commits itself. */
export function waitingIn(processes: readonly ServerProcess[], now: number): Waiting | null {
  const drains = processes.map(({ parts }) => parts['ingest'] ?? {}).filter((ingest) => ingest['drain_lag_ms'] !== undefined);
  if (drains.length === 0) return null;
  const sum = (name: string): number => drains.reduce((all, ingest) => all + (ingest[name] ?? 0), 0);
  const oldest = Math.max(...drains.map((ingest) => ingest['drain_lag_ms'] ?? 0));
  return { samples: sum('drain_lag_samples'), bytes: sum('drain_lag_bytes'), since: oldest > 0 ? now - oldest : null };
}

function waitingWords({ samples, bytes: size, since: from }: Waiting, now: number): string {
  const { text, unit } = bytes(size);
  return `They wait in the journal${from === null ? '' : ` since ${since(now, from)}`}: ${count(samples, 'sample')}, ${text} ${unit}.`;
}

function storeTrouble(processes: readonly ServerProcess[], now: number): Look {
  const waiting = waitingIn(processes, now);
  const title = 'The store does not take samples';
  if (waiting === null)
    return {
      severity: 'critical',
      title,
      sentence: 'Samples are not acknowledged: the agents keep them, and send them again.',
      advice: 'Most often its disk is full or cannot be written. The log of the process has the error.',
    };
  return {
    severity: 'warning',
    title,
    sentence: `${waitingWords(waiting, now)} Nothing is lost while the journal has room.`,
    advice: 'See that InfluxDB runs, is reached, and takes the token and the database. The log of the process has its answer.',
  };
}

const KNOWN: Readonly<Record<string, Look>> = {
  broker: {
    severity: 'critical',
    title: 'The MQTT broker is not connected',
    sentence: 'No sample arrives and no acknowledgement goes out: the agents keep their samples in their spools.',
    advice: 'See that the broker runs, and that broker.url and its user and password are right. The connection is tried again by itself.',
  },
  journal: {
    severity: 'critical',
    title: 'The journal is full, or its disk refuses',
    sentence: 'Samples are not acknowledged any more: the agents keep them in their spools.',
    advice: 'Bring the store back, or give the journal more room: space on its disk, and journal.max_bytes.',
  },
  registry: {
    severity: 'critical',
    title: 'The database of hosts and tokens does not answer',
    sentence: 'Who was known before is still let in. Nobody can log in, no host can be added or removed, and no alert is acknowledged.',
    advice: 'See that database.url is right and that the database runs. The log of the process has its error.',
  },
  'plain-transport': {
    severity: 'warning',
    title: 'Hosts and browsers may connect without TLS',
    sentence: 'Tokens and values then cross the network in clear.',
    advice: 'Take allow_plain out of the section tls of hostwire.toml when all use https and mqtts.',
  },
  certificate: {
    severity: 'critical',
    title: "The server's certificate cannot be used",
    sentence: 'Hosts and browsers on other machines refuse to connect.',
    advice: 'The warning at the top of each page says what is wrong with it.',
  },
  'influx-port': {
    severity: 'warning',
    title: 'The InfluxDB port is not served',
    sentence: 'Grafana, Telegraf and the influx command cannot read or write here. Everything else works.',
    advice: 'Another program has the port. Stop that one, or choose another port for Hostwire with --influx-port.',
  },
};

function lookOf(name: string, processes: readonly ServerProcess[], now: number): Look {
  if (name === 'store') return storeTrouble(processes, now);
  return (
    KNOWN[name] ?? {
      severity: 'warning',
      title: `Not well: ${name}`,
      sentence: 'This part of the server does not work as it should.',
      advice: 'The log of the process says why.',
    }
  );
}

/** Roles that somebody had within the hour and nobody who is heard of has now. */
function missingRoles(processes: readonly ServerProcess[], now: number): Trouble[] {
  const alive = new Set(processes.filter((one) => !isSilent(one, now)).flatMap(({ roles }) => roles));
  const silent = processes.filter((one) => isSilent(one, now));
  const missing = [...new Set(silent.flatMap(({ roles }) => roles))].filter((role) => !alive.has(role)).sort();
  return missing.map((role) => {
    const had = silent.filter(({ roles }) => roles.includes(role));
    const last = Math.max(...had.map(({ last_seen }) => last_seen));
    return {
      key: `role ${role}`,
      severity: 'critical',
      title: `No process has the role ${role}`,
      sentence: `The last one was heard of ${span((now - last) / 1000)} ago. ${ROLE[role] ?? ''}`.trim(),
      advice: 'Start it again on its machine.',
      instances: had.map(({ instance }) => instance),
    };
  });
}

const ROLE: Readonly<Record<string, string>> = {
  broker: 'Agents reach nobody, and keep their samples.',
  ingest: 'Samples are not stored and not acknowledged: the agents keep them.',
  alerts: 'No alert is raised or told.',
  api: 'The dashboard is not served there.',
};

/** All that is not as it should be, worst first. Empty: all is well. */
export function troublesOf({ now, processes, gaps_24h, dead_letters }: ServerState): Trouble[] {
  const heard = processes.filter((one) => !isSilent(one, now));
  const names = [...new Set(heard.flatMap(({ degraded }) => degraded))];
  const troubles: Trouble[] = names.map((name) => {
    const own = heard.filter(({ degraded }) => degraded.includes(name));
    return { key: name, ...lookOf(name, own, now), instances: own.map(({ instance }) => instance) };
  });
  // Others are heard of through the store.
  if (gaps_24h !== null) troubles.push(...missingRoles(processes, now));
  if (gaps_24h === null)
    troubles.push({
      key: 'unanswered',
      severity: 'warning',
      title: 'The store does not answer questions',
      sentence: 'Charts stay as they are, and other processes and gaps are not known. Live values and alerts go on.',
      advice: 'See that the store runs and is reached.',
      instances: [],
    });
  if (dead_letters > 0)
    troubles.push({
      key: 'dead letters',
      severity: 'info',
      title: `${count(dead_letters, 'dead letter')}`,
      sentence: 'Messages that could not be stored as they are: set aside with the reason, and nothing waits for them.',
      advice: 'Look at them on the machine of the ingest process.',
      command: `${COMMAND} deadletter list`,
      instances: heard.filter(({ parts }) => (parts['ingest']?.['dead_letters'] ?? 0) > 0).map(({ instance }) => instance),
    });
  if (gaps_24h !== null && gaps_24h > 0)
    troubles.push({
      key: 'gaps',
      severity: 'info',
      title: `${count(gaps_24h, 'gap')} in the last 24 hours`,
      sentence: 'Agents had to give up samples that they could not deliver.',
      advice: 'The page of each host says when, how many, and why.',
      instances: [],
    });
  return troubles.sort((a, b) => WEIGHT[a.severity] - WEIGHT[b.severity]);
}

/** What stands beside the connection: null while nothing is degraded. */
export function degradedWords({ now, processes }: ServerState): string | null {
  const names = [...new Set(processes.filter((one) => !isSilent(one, now)).flatMap(({ degraded }) => degraded))];
  return names.length === 0 ? null : names.join(', ');
}
