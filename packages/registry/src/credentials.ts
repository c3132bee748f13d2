import { sql } from 'kysely';
import type { ChangeMarks } from './database.ts';
import { readMeta } from './migrations.ts';
import type { Scope, TokenRecord } from './registry.ts';
import { Shared } from './shared.ts';
import type { Db, Tables, Trx } from './tables.ts';

const REVISION = 'credentials';
/** What stands for the hash of a host that a gateway speaks for. */
export const NO_TOKEN = '';

export type Credential =
  | { readonly kind: 'host'; readonly id: string; readonly name: string; readonly hash: string; readonly speaksFor: readonly string[] }
  | { readonly kind: 'token'; readonly id: string; readonly name: string; readonly hash: string; readonly record: TokenRecord };

/**
 * Hashes of all hosts and tokens, and the hosts' certificates, in memory, so that a check needs no query. Every change bumps a revision in the
 * database; `refresh` sees that another process has done so.
 */
export class Credentials {
  readonly #db: Db;
  readonly #marks: ChangeMarks;
  readonly #listeners = new Set<() => void>();
  #byName = new Map<string, Credential>();
  #byTokenId = new Map<string, Credential>();
  #byId = new Map<string, Credential>();
  #gateways: ReadonlyMap<string, string> = new Map();
  #certificates = new Map<string, { readonly host: string; readonly expiresAt: number }>();
  #revision = -1;
  #dataVersion: number | null = null;
  readonly #refreshing = new Shared(() => this.#refresh());
  readonly #loading = new Shared(() => this.#load());

  constructor(db: Db, marks: ChangeMarks) {
    this.#db = db;
    this.#marks = marks;
  }

  byName(name: string): Credential | undefined {
    return this.#byName.get(name);
  }

  byTokenId(id: string): Credential | undefined {
    return this.#byTokenId.get(id);
  }

  byId(id: string): Credential | undefined {
    return this.#byId.get(id);
  }

  gatewayOf(host: string): string | null {
    return this.#gateways.get(host) ?? null;
  }

  certificate(serial: string): { readonly host: string; readonly expiresAt: number } | undefined {
    return this.#certificates.get(serial);
  }

  /** By name. */
  all(): Credential[] {
    return [...this.#byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Runs a change of hosts or tokens in a transaction, makes it durable, and loads the new state. */
  async change<T>(run: (trx: Trx) => Promise<T>): Promise<T> {
    const result = await this.#db.transaction().execute(async (trx) => {
      // First: it makes the changes of all processes wait for each other, so that none bases on what another undoes.
      await trx
        .insertInto('meta')
        .values({ key: REVISION, value: 1 })
        .onConflict((conflict) => conflict.column('key').doUpdateSet({ value: sql<number>`meta.value + 1` }))
        .execute();
      return run(trx);
    });
    // What was committed holds, also if it cannot be loaded or synced now: then `refresh` loads it.
    this.#dataVersion = null;
    await this.#loading.run();
    this.#marks.checkpoint();
    return result;
  }

  /** Loads what another process has changed. Resolves to true if something was. Many calls at once cost one query. */
  refresh(): Promise<boolean> {
    return this.#refreshing.run();
  }

  async #refresh(): Promise<boolean> {
    const version = this.#marks.dataVersion();
    if (version !== null && version === this.#dataVersion) return false;
    const changed = (await readMeta(this.#db, REVISION)) !== this.#revision;
    if (changed) await this.#loading.run();
    // Last: what could not be read now, as a revoked token, is asked for again.
    this.#dataVersion = version;
    return changed;
  }

  async #load(): Promise<void> {
    const [revision, hosts, tokens, certificates] = await this.#db
      .transaction()
      .execute(async (trx) => [
        await readMeta(trx, REVISION),
        await trx.selectFrom('host').select(['host', 'token_hash', 'gateway']).execute(),
        await trx.selectFrom('token').selectAll().execute(),
        await trx.selectFrom('host_certificate').selectAll().execute(),
      ]);
    const byName = new Map<string, Credential>();
    const byTokenId = new Map<string, Credential>();
    const byId = new Map<string, Credential>();
    const gateways = new Map(hosts.flatMap(({ host, gateway }) => (gateway === null ? [] : [[host, gateway] as const])));
    const behind = new Map<string, string[]>();
    for (const [host, gateway] of gateways) behind.set(gateway, [...(behind.get(gateway) ?? []), host]);
    // Who has no token of its own is no user.
    for (const { host: name, token_hash: hash } of hosts.filter(({ token_hash: hash }) => hash !== NO_TOKEN)) {
      add({ kind: 'host', id: `host ${name} ${salt(hash)}`, name, hash, speaksFor: (behind.get(name) ?? []).sort() });
    }
    for (const row of tokens) {
      const credential: Credential = {
        kind: 'token',
        id: `token ${row.id} ${salt(row.token_hash)}`,
        name: row.name,
        hash: row.token_hash,
        record: toTokenRecord(row),
      };
      add(credential);
      byTokenId.set(row.id, credential);
    }
    function add(credential: Credential): void {
      byName.set(credential.name, credential);
      byId.set(credential.id, credential);
    }
    this.#byName = byName;
    this.#byTokenId = byTokenId;
    this.#byId = byId;
    this.#gateways = gateways;
    this.#certificates = new Map(certificates.map(({ serial, host, expires_at: expiresAt }) => [serial, { host, expiresAt }]));
    const first = this.#revision === -1;
    this.#revision = revision;
    if (!first) for (const listener of [...this.#listeners]) listener();
  }
}

/** New with every issued token, and no secret. */
function salt(hash: string): string {
  return hash.split('$')[3] ?? '';
}

export function toTokenRecord(row: Tables['token']): TokenRecord {
  return {
    id: row.id,
    name: row.name,
    scopes: JSON.parse(row.scopes) as Scope[],
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    lastUsedAt: row.last_used_at,
  };
}
