import type { ActionArgs, Catalog, HostInfo, RemoteConfig } from '@hostwire/model';
import type { EnrolmentRegistry } from './enrolment.ts';

/**
 * Relational state: hosts, tokens, users' sessions, alert state. SQLite in the data directory for the processes of one
 * machine, PostgreSQL when a fleet outgrows that; the same queries on both.
 */
export interface Registry {
  readonly hosts: HostRegistry;
  readonly tokens: TokenRegistry;
  readonly enrolments: EnrolmentRegistry;
  readonly certificates: CertificateRegistry;
  readonly logins: LoginRegistry;
  readonly alerts: AlertRegistry;
  readonly catalogs: CatalogRegistry;
  readonly leases: LeaseRegistry;
  readonly remoteConfig: RemoteConfigRegistry;
  readonly audit: AuditRegistry;
  /**
   * Called within 2 s after hosts or tokens were added, removed or rotated, or a host's group or labels were changed, by any
   * process. The result removes the listener.
   */
  onCredentialsChange(listener: () => void): () => void;
  /** False while the database does not answer. Credentials that were known before are checked all the same. */
  isAvailable(): boolean;
  close(): Promise<void>;
}

/** The MQTT username of the server itself: no host and no token has this name. */
export const SERVER_USERNAME = 'hostwire-server';

export interface HostRecord {
  readonly host: string;
  /** Ms since the epoch, as all times here. */
  readonly createdAt: number;
  /** Null until the host was seen for the first time. */
  readonly firstSeenAt: number | null;
  readonly lastSeenAt: number | null;
  readonly info: HostInfo | null;
  /** What the host is shown, ruled and configured together with; null: by itself. */
  readonly group: string | null;
  readonly labels: Readonly<Record<string, string>>;
  /** The host whose agent asks this one over SSH and speaks for it with its own token; null: the host's own agent does. */
  readonly gateway: string | null;
}

export interface HostRegistry {
  list(): Promise<HostRecord[]>;
  get(host: string): Promise<HostRecord | null>;
  /** The token in clear, once; only its hash is kept. Throws RegistryError `exists` or `invalid`. */
  add(host: string): Promise<{ token: string }>;
  /** Enters a host that has no token: `gateway` speaks for it. Throws RegistryError `exists`, `unknown` (the gateway) or `invalid`. */
  addBehind(host: string, gateway: string): Promise<void>;
  /**
   * A new token; the old one, and the certificates of the host, are refused from now on. No gateway speaks for it any more. Throws
   * RegistryError `unknown`.
   */
  rotate(host: string): Promise<{ token: string }>;
  /** Of the hosts that it spoke for none is heard until it has another gateway or a token. Throws RegistryError `unknown`. */
  remove(host: string): Promise<void>;
  /**
   * Changes group, labels and gateway; a function gets what stands now, and nobody changes it in between. Resolves with what stands
   * then. Throws RegistryError `unknown`, or `invalid` with a sentence.
   */
  update(host: string, change: HostChange | ((record: HostRecord) => HostChange)): Promise<HostRecord>;
  /** Writes of many hosts are folded into one transaction by the caller's rhythm (at most every few seconds). */
  seen(entries: readonly { readonly host: string; readonly at: number }[]): Promise<void>;
  saveInfo(host: string, info: HostInfo): Promise<void>;
}

/** What is absent stays as it is. */
export interface HostChange {
  /** Null: it is in none. */
  readonly group?: string | null;
  /** All of them: those that it had before and that are not among these go. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Its own token is refused from now on. Null: none speaks for it; then it needs a token (`rotate`). */
  readonly gateway?: string | null;
}

/** What a token of a person or a program may do. */
export type Scope = 'mqtt:read' | 'series:read' | 'series:write' | 'api:read' | 'operate' | 'admin';
export const SCOPES: readonly Scope[] = ['mqtt:read', 'series:read', 'series:write', 'api:read', 'operate', 'admin'];

export interface TokenRecord {
  readonly id: string;
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly createdAt: number;
  readonly expiresAt: number | null;
  readonly lastUsedAt: number | null;
}

export interface TokenRegistry {
  list(): Promise<TokenRecord[]>;
  /** The MQTT username of a token is its name. Throws RegistryError `exists` or `invalid`. */
  add(name: string, scopes: readonly Scope[], expiresAt?: number): Promise<{ token: string; record: TokenRecord }>;
  remove(name: string): Promise<void>;
  /** Who this token is, or null. Takes the same time whether it is unknown or wrong. */
  check(token: string): Promise<TokenRecord | null>;
  /**
   * MQTT: `username` is a host id (its token) or a token's name; scopes are for the broker to look at. Says why not, for
   * the log and the counters; the client is never told.
   */
  checkMqtt(
    username: string,
    password: string,
  ): Promise<
    | { readonly ok: true; readonly kind: 'host'; readonly host: string; readonly credential: string }
    | { readonly ok: true; readonly kind: 'token'; readonly record: TokenRecord; readonly credential: string }
    | { readonly ok: false; readonly reason: 'unknown-host' | 'bad-token' | 'expired' }
  >;
  /** Who has this MQTT username, for a broker that has checked the password itself; null if nobody, or if it has expired. No query. */
  mqttUser(username: string): MqttUser | null;
  /** Everybody who has an MQTT username and has not expired, by name. */
  mqttUsers(): Promise<MqttUser[]>;
  /** Whose token speaks for this host; null: its own, or nobody's. No query. */
  gatewayOf(host: string): string | null;
  /** Whether a `credential` that `checkMqtt` gave would be accepted now: not removed, rotated or expired. No query. */
  isCurrent(credential: string): boolean;
}

/** A host's client certificate that is not revoked. */
export interface CertificateRecord {
  /** Hex, lower case. */
  readonly serial: string;
  readonly host: string;
  readonly createdAt: number;
  readonly expiresAt: number;
}

export interface CertificateRegistry {
  /** Lets a certificate that was issued to a host in. Throws RegistryError `unknown`. */
  add(certificate: Omit<CertificateRecord, 'createdAt'>): Promise<void>;
  /** By host. */
  list(): Promise<CertificateRecord[]>;
  /** Whose certificate this is now; null if it is unknown, revoked or has ended. No query. */
  hostOf(serial: string): string | null;
}

/** `hash` is that of the token, as a line of Mosquitto's password file holds it. */
export type MqttUser =
  | {
      readonly kind: 'host';
      readonly name: string;
      readonly hash: string /** Hosts behind it, by name. */;
      readonly speaksFor: readonly string[];
    }
  | { readonly kind: 'token'; readonly name: string; readonly hash: string; readonly record: TokenRecord };

/** One-time login links and the sessions that they open. */
export interface LoginRegistry {
  /** A code that works once until `expiresAt`; only its hash is kept. */
  createLink(ttlMs: number): Promise<{ code: string; expiresAt: number }>;
  /** Opens a session with a link's code; null if unknown, used or expired. */
  redeem(code: string, sessionTtlMs: number): Promise<{ session: string; expiresAt: number } | null>;
  /** Null unless the session lives; slides its idle limit. `expiresAt` is its end, however much it is used. */
  checkSession(session: string): Promise<{ expiresAt: number } | null>;
  endSession(session: string): Promise<void>;
}

export type AlertState = 'pending' | 'firing' | 'resolved';
export type Severity = 'info' | 'warning' | 'critical';

export interface AlertRecord {
  /** Stable for (rule, host, group tags): `<rule>.<host>` plus the tags' values. */
  readonly id: string;
  readonly rule: string;
  readonly host: string;
  readonly severity: Severity;
  readonly state: AlertState;
  readonly labels: Readonly<Record<string, string>>;
  readonly summary: string;
  /** The series that it was judged on; null and empty for a rule that reads none. */
  readonly measurement: string | null;
  readonly field: string | null;
  readonly where: Readonly<Record<string, string>>;
  readonly value: number | null;
  readonly threshold: number | null;
  readonly unit: string | null;
  /** When the condition first held. */
  readonly since: number;
  readonly firedAt: number | null;
  readonly resolvedAt: number | null;
  readonly acknowledgedAt: number | null;
  readonly acknowledgedBy: string | null;
  readonly note: string | null;
}

export interface AlertRegistry {
  /** Everything that is not resolved, and what was resolved after `resolvedSince`. */
  list(resolvedSince?: number): Promise<AlertRecord[]>;
  get(id: string): Promise<AlertRecord | null>;
  /**
   * What stands in the registry as the acknowledgement of the same firing (equal `firedAt`) stays as it is, whatever these
   * records say of it: only `saveAcknowledgement` changes it.
   */
  save(alerts: readonly AlertRecord[]): Promise<void>;
  /** Acknowledges a firing alert, or takes that back (null), in any process. Null if there is no such alert or it does not fire. */
  saveAcknowledgement(id: string, acknowledgement: Acknowledgement | null): Promise<AlertRecord | null>;
}

export interface Acknowledgement {
  readonly at: number;
  readonly by: string;
  readonly note: string | null;
}

/** Who does alone, of all processes of one registry, what one must do. */
export interface LeaseRegistry {
  /**
   * Takes the lease `name` for `ttlMs` from now, or renews it if `holder` has it; true if it is the holder's now. Time is
   * the database's where processes of several machines share it. `holder` must name one run of one process. Who renews
   * stops what it does when `ttlMs` are over since it last asked and was told true.
   */
  acquire(name: string, holder: string, ttlMs: number): Promise<boolean>;
  /** Gives it back at once if `holder` has it. */
  release(name: string, holder: string): Promise<void>;
}

/** What is set on agents. Scopes are `all`, `group:<name>`, `host:<id>`; what keys mean is not looked at here. */
export interface RemoteConfigRegistry {
  /** By scope. */
  list(): Promise<RemoteConfigRecord[]>;
  get(scope: string): Promise<RemoteConfigRecord | null>;
  /**
   * Sets all that stands at a scope; a function gets what stands now (null: nothing), and nobody changes it in between.
   * Throws RegistryError `invalid` if it is no scope, `unknown` if it is of a host that there is not.
   */
  set(scope: string, change: RemoteConfig | ((now: RemoteConfig | null) => RemoteConfig), by: string | null): Promise<RemoteConfigRecord>;
  /** False if nothing stood there. That of a host also goes with the host. */
  remove(scope: string): Promise<boolean>;
  /** Called within 2 s after any process has changed something. The result removes the listener. */
  onChange(listener: () => void): () => void;
}

export interface RemoteConfigRecord {
  readonly scope: string;
  readonly config: RemoteConfig;
  readonly updatedAt: number;
  readonly updatedBy: string | null;
}

/** sent: no answer yet. refused: by the server or the agent, and nothing was done. unanswered: nobody knows. */
export type AuditResult = 'sent' | 'done' | 'refused' | 'failed' | 'unanswered';

/** An action that was asked of a host. */
export interface AuditRecord {
  readonly id: string;
  readonly at: number;
  readonly host: string;
  readonly action: string;
  readonly args: ActionArgs;
  /** Null: nobody of this server asked. */
  readonly actor: string | null;
  readonly result: AuditResult;
  readonly reason: string | null;
}

/** What was asked of hosts and what became of it, for 90 days and at most 100,000 entries. */
export interface AuditRegistry {
  add(entry: AuditRecord): Promise<void>;
  /** Says what became of one that has no answer yet; false if there is none such. */
  settle(id: string, result: AuditResult, reason: string | null): Promise<boolean>;
  /** Those that were asked before a time and have no answer get none any more. */
  giveUp(before: number): Promise<void>;
  get(id: string): Promise<AuditRecord | null>;
  /** The newest first; at most 1000, 100 unless said. */
  list(filter?: { readonly host?: string; readonly before?: number; readonly limit?: number }): Promise<AuditRecord[]>;
}

export interface CatalogRegistry {
  get(hash: string): Promise<Catalog | null>;
  save(catalog: Catalog): Promise<void>;
  list(): Promise<Catalog[]>;
}

export class RegistryError extends Error {
  override readonly name = 'RegistryError';
  readonly code: 'exists' | 'unknown' | 'invalid' | 'unavailable';
  constructor(code: RegistryError['code'], message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}
