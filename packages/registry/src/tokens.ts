import { type Credential, type Credentials, toTokenRecord } from './credentials.ts';
import { RegistryError, SCOPES, type TokenRecord, type TokenRegistry } from './registry.ts';
import { refuseReserved } from './reserved-name.ts';
import type { Db } from './tables.ts';
import { hashToken, newRecordId, randomSecret, verifyToken } from './token-hash.ts';

const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/;
const TOKEN = /^hwt_([a-z0-9]{12})_[A-Za-z0-9_-]{43}$/;

export interface TokenRegistryParts {
  readonly tokens: TokenRegistry;
  /** Writes down when tokens were last used. */
  flush(): Promise<void>;
}

export function tokenRegistry(db: Db, credentials: Credentials, now: () => number): TokenRegistryParts {
  const used = new Map<string, number>();

  function expired(record: TokenRecord): boolean {
    return record.expiresAt !== null && record.expiresAt <= now();
  }

  function isOver(credential: Credential): boolean {
    return credential.kind === 'token' && expired(credential.record);
  }

  /** Checks against what `find` finds; if that fails, once more when another process has just changed something. */
  async function verified(find: () => Credential | undefined, token: string): Promise<Credential | null> {
    for (let fresh = false; ; fresh = true) {
      const credential = find();
      if (verifyToken(token, credential?.hash)) return credential ?? null;
      if (fresh || !(await credentials.refresh())) return null;
    }
  }

  const tokens: TokenRegistry = {
    async list() {
      const rows = await db.selectFrom('token').selectAll().orderBy('name').execute();
      return rows.map(toTokenRecord);
    },

    async add(name, scopes, expiresAt) {
      if (!NAME.test(name)) {
        throw new RegistryError(
          'invalid',
          `${JSON.stringify(name)} is not a token name: 1 to 63 letters, digits, '_', '.', '-', beginning with a letter or digit`,
        );
      }
      refuseReserved(name);
      const wrong = scopes.filter((scope) => !SCOPES.includes(scope));
      if (wrong.length > 0 || scopes.length === 0) {
        throw new RegistryError(
          'invalid',
          `unknown scope ${JSON.stringify(wrong.join(', '))}: one or more of ${SCOPES.join(', ')} is needed`,
        );
      }
      const id = newRecordId();
      const token = `hwt_${id}_${randomSecret()}`;
      const row = {
        id,
        name,
        token_hash: hashToken(token),
        scopes: JSON.stringify([...new Set(scopes)]),
        created_at: now(),
        expires_at: expiresAt ?? null,
        last_used_at: null,
      };
      await credentials.change(async (trx) => {
        if ((await trx.selectFrom('token').select('id').where('name', '=', name).executeTakeFirst()) !== undefined) {
          throw new RegistryError('exists', `a token with the name ${name} exists already; remove it first or choose another name`);
        }
        if ((await trx.selectFrom('host').select('host').where('host', '=', name).executeTakeFirst()) !== undefined) {
          throw new RegistryError('exists', `a host has the name ${name}, and both are MQTT usernames; choose another name`);
        }
        await trx.insertInto('token').values(row).execute();
      });
      return { token, record: toTokenRecord(row) };
    },

    async remove(name) {
      await credentials.change(async (trx) => {
        const { numDeletedRows } = await trx.deleteFrom('token').where('name', '=', name).executeTakeFirst();
        if (numDeletedRows === 0n) throw new RegistryError('unknown', `there is no token ${name}; \`hostwire token list\` shows them`);
      });
    },

    async check(token) {
      const id = TOKEN.exec(token)?.[1] ?? '';
      const credential = await verified(() => credentials.byTokenId(id), token);
      if (credential?.kind !== 'token' || expired(credential.record)) return null;
      used.set(credential.record.id, now());
      return credential.record;
    },

    async checkMqtt(username, password) {
      const credential = await verified(() => credentials.byName(username), password);
      if (credential === null) return { ok: false, reason: credentials.byName(username) === undefined ? 'unknown-host' : 'bad-token' };
      if (credential.kind === 'host') return { ok: true, kind: 'host', host: credential.name, credential: credential.id };
      if (expired(credential.record)) return { ok: false, reason: 'expired' };
      used.set(credential.record.id, now());
      return { ok: true, kind: 'token', record: credential.record, credential: credential.id };
    },

    mqttUser(username) {
      const credential = credentials.byName(username);
      return credential === undefined || isOver(credential) ? null : credential;
    },

    async mqttUsers() {
      await credentials.refresh();
      return credentials.all().filter((credential) => !isOver(credential));
    },

    gatewayOf: (host) => credentials.gatewayOf(host),

    isCurrent(id) {
      const credential = credentials.byId(id);
      return credential !== undefined && !isOver(credential);
    },
  };

  async function writeUses(entries: readonly (readonly [string, number])[]): Promise<void> {
    await db.transaction().execute(async (trx) => {
      for (const [id, at] of entries) await trx.updateTable('token').set({ last_used_at: at }).where('id', '=', id).execute();
    });
  }

  return {
    tokens,
    async flush() {
      if (used.size === 0) return;
      // In one order by all processes: two that wait for each other's rows would both fail.
      const entries = [...used].sort(([a], [b]) => (a < b ? -1 : 1));
      used.clear();
      try {
        await writeUses(entries);
      } catch (error) {
        for (const [id, at] of entries) used.set(id, Math.max(at, used.get(id) ?? at));
        throw error;
      }
    },
  };
}
