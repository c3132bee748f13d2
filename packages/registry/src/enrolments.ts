import { formatEnrolmentCode } from '@hostwire/model';
import type { EnrolmentRegistry, EnrolmentRequest } from './enrolment.ts';
import { redeeming } from './enrolment-redeem.ts';
import {
  checkGrouping,
  ENROLMENT_KEPT_MS,
  type EnrolmentParts,
  exists,
  hashCode,
  newCode,
  plainText,
  prune,
  toEnrolment,
  toRequest,
} from './enrolment-rows.ts';
import { RegistryError } from './registry.ts';
import { checkHostName } from './reserved-name.ts';
import type { Tables, Trx } from './tables.ts';
import { newRecordId } from './token-hash.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const LIFE_MS = { once: { standard: 15 * MINUTE_MS, most: 7 * DAY_MS }, universal: { standard: DAY_MS, most: 30 * DAY_MS } };
const MIN_LIFE_MS = MINUTE_MS;
const MAX_LISTED = 1000;

export function enrolmentRegistry(parts: EnrolmentParts): EnrolmentRegistry {
  const { db, revision, now } = parts;

  async function change<T>(run: (trx: Trx) => Promise<T>): Promise<T> {
    const result = await db.transaction().execute(async (trx) => {
      // First, as in all changes of these tables: none waits for another that waits for it.
      await revision.raise(trx);
      return run(trx);
    });
    await revision.raised();
    return result;
  }

  async function decide(
    id: string,
    by: string | undefined,
    set: (trx: Trx, row: Tables['enrolment_request']) => Promise<Partial<Tables['enrolment_request']>>,
  ): Promise<EnrolmentRequest> {
    return change(async (trx) => {
      const row = await trx.selectFrom('enrolment_request').selectAll().where('id', '=', id).executeTakeFirst();
      if (row === undefined) throw new RegistryError('unknown', `no host waits as ${id}; \`hostwire enroll list\` shows who does`);
      if (row.state !== 'pending') throw new RegistryError('exists', `the request of ${row.host} is ${row.state} already`);
      const decided = { decided_at: now(), decided_by: by === undefined ? null : plainText(by), ...(await set(trx, row)) };
      await trx.updateTable('enrolment_request').set(decided).where('id', '=', id).execute();
      return toRequest({ ...row, ...decided });
    });
  }

  return {
    async create({ kind = 'once', host, group, labels = {}, expiresInMs = LIFE_MS[kind].standard, by }) {
      if (kind === 'universal' && host !== undefined) {
        throw new RegistryError('invalid', 'a universal code is for any host; leave out the name, or make a code for this host alone');
      }
      if (host !== undefined) checkHostName(host);
      checkGrouping(group ?? null, labels);
      const { most } = LIFE_MS[kind];
      if (!(expiresInMs >= MIN_LIFE_MS && expiresInMs <= most)) {
        throw new RegistryError('invalid', `such a code lives from 1 minute to ${most / DAY_MS} days`);
      }
      const code = newCode();
      const codeHash = await hashCode(code);
      const record = await change(async (trx) => {
        await prune(trx, now());
        const at = now();
        const row = {
          id: newRecordId(),
          kind,
          code_hash: codeHash,
          host: host ?? null,
          group_name: group ?? null,
          labels: JSON.stringify(labels),
          created_at: at,
          created_by: by === undefined ? null : plainText(by),
          expires_at: at + Math.round(expiresInMs),
          ...{ used_at: null, used_by: null, used_from: null, nonce_hash: null, issued_hash: null },
          replaces: host !== undefined && (await exists(trx, host)) ? 1 : 0,
        };
        await trx.insertInto('enrolment').values(row).execute();
        return toEnrolment(row);
      });
      return { code: formatEnrolmentCode(code), record };
    },

    async list() {
      const since = now() - ENROLMENT_KEPT_MS;
      const enrolments = db.selectFrom('enrolment').selectAll().where('expires_at', '>', since);
      const requests = db.selectFrom('enrolment_request').selectAll().where('created_at', '>', since);
      return {
        enrolments: (await enrolments.orderBy('created_at', 'desc').orderBy('id').limit(MAX_LISTED).execute()).map(toEnrolment),
        requests: (await requests.orderBy('created_at', 'desc').orderBy('id').limit(MAX_LISTED).execute()).map(toRequest),
      };
    },

    async cancel(id) {
      await change(async (trx) => {
        const { numDeletedRows } = await trx.deleteFrom('enrolment').where('id', '=', id).executeTakeFirst();
        if (numDeletedRows === 0n) throw new RegistryError('unknown', `there is no code ${id}; \`hostwire enroll list\` shows them`);
        await trx
          .updateTable('enrolment_request')
          .set({ state: 'denied', decided_at: now() })
          .where('enrolment_id', '=', id)
          .where('state', '=', 'pending')
          .execute();
      });
    },

    ...redeeming(parts),

    approve(id, { host, group, labels, by }) {
      return decide(id, by, async (trx, row) => {
        const name = host ?? row.host;
        checkHostName(name);
        if (group !== undefined || labels !== undefined) checkGrouping(group ?? null, labels ?? {});
        const approved = trx.selectFrom('enrolment_request').select('id').where('host', '=', name).where('state', '=', 'approved');
        if ((await exists(trx, name)) || (await approved.executeTakeFirst()) !== undefined) {
          throw new RegistryError('exists', `there is a host ${name} already; approve this one under another name, or deny it`);
        }
        return {
          state: 'approved',
          host: name,
          ...(group === undefined ? {} : { group_name: group }),
          ...(labels === undefined ? {} : { labels: JSON.stringify(labels) }),
        };
      });
    },

    deny(id, by) {
      return decide(id, by, async () => ({ state: 'denied' }));
    },

    onChange: (listener) => revision.onChange(listener),
  };
}
