import { isHostId, TIERS, type Tier } from './sample.ts';

/** What a message under a host's topics is (architecture.md section 5). */
export type HostTopic =
  | { readonly kind: 'sample'; readonly host: string; readonly tier: Tier }
  | { readonly kind: 'inventory'; readonly host: string; readonly name: string }
  | { readonly kind: 'alert'; readonly host: string; readonly id: string }
  | { readonly kind: 'press'; readonly host: string; readonly action: string }
  | {
      readonly kind: 'status' | 'info' | 'catalog' | 'ack' | 'config' | 'live' | 'command' | 'command/result' | 'state';
      readonly host: string;
    };

export interface Topics {
  readonly root: string;
  sample(host: string, tier: Tier): string;
  status(host: string): string;
  info(host: string): string;
  catalog(host: string): string;
  ack(host: string): string;
  config(host: string): string;
  alert(host: string, id: string): string;
  command(host: string): string;
  commandResult(host: string): string;
  /** The server's own `online` / `offline`. */
  readonly serverStatus: string;
  /** MQTT filters for what servers subscribe to. */
  readonly filters: {
    readonly samples: string;
    readonly statuses: string;
    readonly infos: string;
    readonly catalogs: string;
    readonly configs: string;
    readonly commandResults: string;
    readonly all: string;
  };
  /** A topic's meaning, or null if it is not one of a host's. Never throws: topics are hostile input. */
  parse(topic: string): HostTopic | null;
}

const ROOT_PATTERN = /^[A-Za-z0-9_-]+(\/[A-Za-z0-9_-]+)*$/;
const LEVEL_PATTERN = /^[A-Za-z0-9_.:-]{1,128}$/;
const PLAIN = new Set(['status', 'info', 'catalog', 'ack', 'config', 'live', 'command', 'state']);

/** The topics under a root (default `hostwire`). Throws an Error on a root that holds wildcards or empty levels. */
export function topics(root = 'hostwire'): Topics {
  if (!ROOT_PATTERN.test(root)) {
    throw new Error(`topic root ${JSON.stringify(root)} is not valid: letters, digits, _ and -, levels divided by /`);
  }
  const base = `${root}/v1`;
  const prefix = `${base}/`;
  return {
    root,
    sample: (host, tier) => `${base}/${host}/sample/${tier}`,
    status: (host) => `${base}/${host}/status`,
    info: (host) => `${base}/${host}/info`,
    catalog: (host) => `${base}/${host}/catalog`,
    ack: (host) => `${base}/${host}/ack`,
    config: (host) => `${base}/${host}/config`,
    alert: (host, id) => `${base}/${host}/alert/${id}`,
    command: (host) => `${base}/${host}/command`,
    commandResult: (host) => `${base}/${host}/command/result`,
    serverStatus: `${base}/status`,
    filters: {
      samples: `${base}/+/sample/+`,
      statuses: `${base}/+/status`,
      infos: `${base}/+/info`,
      catalogs: `${base}/+/catalog`,
      configs: `${base}/+/config`,
      commandResults: `${base}/+/command/result`,
      all: `${base}/#`,
    },
    parse(topic) {
      if (!topic.startsWith(prefix)) return null;
      const [host, kind, rest, ...more] = topic.slice(prefix.length).split('/');
      if (host === undefined || kind === undefined || more.length > 0 || !isHostId(host)) return null;
      if (rest === undefined) return PLAIN.has(kind) ? ({ kind, host } as HostTopic) : null;
      if (kind === 'sample') return TIERS.includes(rest as Tier) ? { kind, host, tier: rest as Tier } : null;
      if (kind === 'command') return rest === 'result' ? { kind: 'command/result', host } : null;
      if (!LEVEL_PATTERN.test(rest)) return null;
      if (kind === 'inventory') return { kind, host, name: rest };
      if (kind === 'alert') return { kind, host, id: rest };
      if (kind === 'press') return { kind, host, action: rest };
      return null;
    },
  };
}
