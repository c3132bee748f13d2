import { type HostTopic, TIERS, type Topics } from '@hostwire/model';
import type { Scope } from '@hostwire/registry';
import { type Principal, usernameOf } from './principal.ts';

/** What a host publishes (architecture.md section 5). */
const HOST_PUBLISHES: ReadonlySet<HostTopic['kind']> = new Set(['sample', 'status', 'info', 'catalog', 'inventory', 'command/result']);
const HOST_READS: ReadonlySet<HostTopic['kind']> = new Set(['ack', 'config', 'command', 'live', 'status']);

/** Topics of one host that are several: as filters. */
const FILTERS: Readonly<Partial<Record<HostTopic['kind'], readonly string[]>>> = {
  sample: TIERS.map((tier) => `sample/${tier}`),
  inventory: ['inventory/+'],
};

const CLIENT_ID = /^[A-Za-z0-9_.:-]{1,128}$/;
const MAX_FILTER_LENGTH = 512;
const MAX_FILTER_LEVELS = 16;
// The parser of mqtt-packet decodes invalid UTF-8 to U+FFFD.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const UNWANTED = /[\u0000-\u001f\u007f-\u009f\ufffd\ufffe\uffff]/;

/** Beside a host's own client id, for whoever looks whether it could connect without taking its agent's session over. */
const PROBE = ':doctor';

/**
 * Host ids and client ids of others never meet: a host's client id is its host id (or that and `:doctor`), and only its own
 * credentials can take its session over. Returns the id of the session, or null if this principal may not use this client id.
 */
export function sessionId(principal: Principal, clientId: string, random: () => string): string | null {
  if (principal.kind === 'host') return isOwn(principal, hostOfClient(clientId)) ? clientId : null;
  if (clientId === '') return `${usernameOf(principal)}/${random()}`;
  return CLIENT_ID.test(clientId) ? `${usernameOf(principal)}/${clientId}` : null;
}

/** The host that a client id of a host names. */
export function hostOfClient(clientId: string): string {
  return clientId.endsWith(PROBE) ? clientId.slice(0, -PROBE.length) : clientId;
}

function isOwn({ host, speaksFor = [] }: Extract<Principal, { kind: 'host' }>, asked: string): boolean {
  return asked === host || speaksFor.includes(asked);
}

/** The topic of a publish that this principal may send, or null. The server may also publish what is no host's topic. */
export function publishableTopic(topics: Topics, principal: Principal, topic: string): HostTopic | { readonly kind: 'other' } | null {
  const parsed = topics.parse(topic);
  if (principal.kind === 'server') return isBelowRoot(topics, topic) && !/[+#]/.test(topic) ? (parsed ?? { kind: 'other' }) : null;
  if (parsed === null) return null;
  if (principal.kind === 'host') return isOwn(principal, parsed.host) && HOST_PUBLISHES.has(parsed.kind) ? parsed : null;
  return parsed.kind === 'press' && mayPress(principal.scopes) ? parsed : null;
}

/** A will is a publish to `status` by the host or the server itself. */
export function maySendWill(topics: Topics, principal: Principal, topic: string): boolean {
  if (principal.kind === 'server') return topic === topics.serverStatus;
  return publishableTopic(topics, principal, topic)?.kind === 'status';
}

/**
 * A host reads its own `ack`, `config`, `command`, `live` and `status`, and the server's status. A token with scope
 * `mqtt:read` reads all below the root, and Home Assistant's discovery: commands are signed and none of it is secret.
 */
export function maySubscribe(topics: Topics, principal: Principal, filter: string): boolean {
  if (filter.startsWith('$') || !isPlain(filter)) return false;
  if (principal.kind === 'host') {
    if (filter === topics.serverStatus) return true;
    const parsed = topics.parse(filter);
    return parsed !== null && isOwn(principal, parsed.host) && HOST_READS.has(parsed.kind);
  }
  return (principal.kind === 'server' || mayRead(principal.scopes)) && isBelowRoot(topics, filter);
}

/** Whether a token is of any use here; without it the connection is refused. */
export function mayConnect(principal: Principal): boolean {
  return principal.kind !== 'token' || mayRead(principal.scopes) || mayPress(principal.scopes);
}

export function mayRead(scopes: readonly Scope[]): boolean {
  return scopes.includes('mqtt:read') || scopes.includes('admin');
}

export function mayPress(scopes: readonly Scope[]): boolean {
  return scopes.includes('operate') || scopes.includes('admin');
}

/** What a host may publish and read, as filters; for brokers that check by lists. `host` may also be a placeholder such as `%u`. */
export function hostFilters(topics: Topics, host: string): { readonly publish: readonly string[]; readonly subscribe: readonly string[] } {
  const under = (kind: HostTopic['kind']): string[] => (FILTERS[kind] ?? [kind]).map((path) => `${topics.root}/v1/${host}/${path}`);
  return {
    publish: [...HOST_PUBLISHES].flatMap(under),
    subscribe: [...[...HOST_READS].flatMap(under), topics.serverStatus],
  };
}

/** What the server publishes and reads, and what a token reads that may. */
export function allFilters(topics: Topics): readonly string[] {
  return [`${topics.root}/#`, 'homeassistant/#'];
}

/** Where a token with scope `operate` publishes. */
export function pressFilter(topics: Topics): string {
  return `${topics.root}/v1/+/press/+`;
}

/** Also Home Assistant's discovery, which the server publishes. */
function isBelowRoot(topics: Topics, topic: string): boolean {
  return isPlain(topic) && (topic.startsWith(`${topics.root}/`) || topic.startsWith('homeassistant/'));
}

function isPlain(topic: string): boolean {
  return topic.length <= MAX_FILTER_LENGTH && topic.split('/').length <= MAX_FILTER_LEVELS && !UNWANTED.test(topic);
}
