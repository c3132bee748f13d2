import { timingSafeEqual } from 'node:crypto';
import { parseEnrolmentCode, toHostId } from '@hostwire/model';
import { type EnrolledHost, EnrolmentError, type EnrolmentRegistry, type PendingHost, type Redemption } from './enrolment.ts';
import { ENROLMENT_KEPT_MS, type EnrolmentParts, exists, hashCode, plainFacts, plainText, prune, toLabels } from './enrolment-rows.ts';
import { enterHost, newHostToken, replaceToken } from './hosts.ts';
import { RegistryError } from './registry.ts';
import { checkHostName } from './reserved-name.ts';
import type { Tables, Trx } from './tables.ts';
import { newRecordId, randomSecret, sha256 } from './token-hash.ts';

/** How long an agent that has lost the answer may ask again. */
const RETRY_MS = 5 * 60_000;
/** Whoever has a universal code cannot fill the table. */
const MAX_WAITING = 100;

/** The half of the registry of enrolments that is open to strangers. */
export function redeeming({ db, credentials, revision, now }: EnrolmentParts): Pick<EnrolmentRegistry, 'redeem' | 'claim'> {
  /** `again`: by the agent that used it, which has lost the answer. Throws EnrolmentError. */
  function standing(row: Tables['enrolment'] | undefined, nonceHash: string | null): 'fresh' | 'again' {
    if (row === undefined) throw unknownCode();
    if (row.kind === 'once' && row.used_at !== null) {
      if (row.nonce_hash !== null && row.nonce_hash === nonceHash && now() - row.used_at <= RETRY_MS) return 'again';
      throw usedCode();
    }
    if (row.expires_at <= now()) {
      throw new EnrolmentError('code-expired', 'this code has expired; make a new one on the server: hostwire enroll, or Add a host');
    }
    return 'fresh';
  }

  async function enrol(id: string, { host: wanted, address, facts }: Redemption, nonceHash: string | null): Promise<EnrolledHost> {
    const token = newHostToken();
    const enrolled = await credentials.change(async (trx): Promise<EnrolledHost> => {
      await revision.raise(trx);
      const row = await trx.selectFrom('enrolment').selectAll().where('id', '=', id).executeTakeFirst();
      const again = standing(row, nonceHash) === 'again';
      if (row === undefined) throw unknownCode();
      const host = again && row.used_by !== null ? row.used_by : nameFor(row, wanted, facts.hostname);
      const known = await trx.selectFrom('host').selectAll().where('host', '=', host).executeTakeFirst();
      // Who was removed or got another token meanwhile has lost this one for good.
      if (again && (known === undefined || known.token_hash !== row.issued_hash)) throw usedCode();
      if (known !== undefined && !again && row.replaces !== 1) throw hostExists(host);
      const group = row.group_name ?? known?.group_name ?? null;
      const labels = { ...toLabels(known?.labels ?? '{}'), ...toLabels(row.labels) };
      const issued = known === undefined ? await enter(trx, host, token, group, labels) : await replaceToken(trx, host, token);
      if (known !== undefined) {
        const grouping = { group_name: group, labels: JSON.stringify(labels) };
        await trx.updateTable('host').set(grouping).where('host', '=', host).execute();
      }
      const used = { used_at: again ? row.used_at : now(), used_by: host, used_from: plainText(address) };
      const retry = { nonce_hash: nonceHash, issued_hash: issued };
      await trx
        .updateTable('enrolment')
        .set({ ...used, ...retry })
        .where('id', '=', id)
        .execute();
      return { state: 'enrolled', host, token, group, labels, replaced: row.replaces === 1 && known !== undefined };
    });
    await revision.raised();
    return enrolled;
  }

  async function enter(trx: Trx, host: string, token: string, group: string | null, labels: Record<string, string>): Promise<string> {
    return enterHost(trx, { host, token, at: now(), group, labels }).catch((error: unknown) => {
      throw error instanceof RegistryError && error.code === 'exists' ? hostExists(host, error) : error;
    });
  }

  async function wait(id: string, { host: wanted, address, facts }: Redemption, nonceHash: string | null): Promise<PendingHost> {
    const secret = randomSecret();
    const pending = await db.transaction().execute(async (trx): Promise<PendingHost> => {
      await revision.raise(trx);
      await prune(trx, now());
      const row = await trx.selectFrom('enrolment').selectAll().where('id', '=', id).executeTakeFirst();
      standing(row, nonceHash);
      if (row === undefined) throw unknownCode();
      const requests = trx.selectFrom('enrolment_request').where('enrolment_id', '=', id);
      const mine =
        nonceHash === null
          ? undefined
          : await requests.selectAll().where('nonce_hash', '=', nonceHash).where('state', 'in', ['pending', 'approved']).executeTakeFirst();
      if (mine !== undefined) {
        await trx
          .updateTable('enrolment_request')
          .set({ secret_hash: sha256(secret) })
          .where('id', '=', mine.id)
          .execute();
        return { state: 'pending', request: mine.id, host: mine.host, secret };
      }
      const host = nameFor(row, wanted, facts.hostname);
      if (await isTaken(trx, host)) throw hostExists(host);
      const waiting = await requests
        .select((all) => all.fn.countAll().as('count'))
        .where('state', '=', 'pending')
        .executeTakeFirst();
      if (Number(waiting?.count ?? 0) >= MAX_WAITING) {
        throw new EnrolmentError(
          'too-many-requests',
          `${MAX_WAITING} hosts wait for approval with this code; approve or deny them on the server first`,
        );
      }
      const request = {
        ...{ id: newRecordId(), enrolment_id: id, secret_hash: sha256(secret), nonce_hash: nonceHash, host, state: 'pending' },
        ...{ address: plainText(address), facts: JSON.stringify(plainFacts(facts)), created_at: now() },
        ...{ decided_at: null, decided_by: null, claimed_at: null, issued_hash: null, group_name: row.group_name, labels: row.labels },
      };
      await trx.insertInto('enrolment_request').values(request).execute();
      return { state: 'pending', request: request.id, host, secret };
    });
    await revision.raised();
    return pending;
  }

  /** The request, if this is its secret and it has not become too old. Throws EnrolmentError. */
  function checkedRequest(row: Tables['enrolment_request'] | undefined, secretHash: string): Tables['enrolment_request'] {
    if (row === undefined || !same(row.secret_hash, secretHash) || row.created_at <= now() - ENROLMENT_KEPT_MS) {
      throw new EnrolmentError('request-unknown', 'the server does not know this request (any more); enrol again with a code that works');
    }
    if (row.state === 'denied') {
      throw new EnrolmentError(
        'request-denied',
        `the server's administrator has denied the host ${row.host}; ask whoever gave you the code`,
      );
    }
    if (row.state === 'claimed' && now() - (row.claimed_at ?? 0) > RETRY_MS) throw usedCode();
    return row;
  }

  async function claimApproved(id: string, secretHash: string): Promise<EnrolledHost> {
    const token = newHostToken();
    const enrolled = await credentials.change(async (trx): Promise<EnrolledHost> => {
      await revision.raise(trx);
      const row = checkedRequest(await trx.selectFrom('enrolment_request').selectAll().where('id', '=', id).executeTakeFirst(), secretHash);
      const { host, group_name: group } = row;
      const labels = toLabels(row.labels);
      const again = row.state === 'claimed';
      if (again && (await tokenHashOf(trx, host)) !== row.issued_hash) throw usedCode();
      const issued = again ? await replaceToken(trx, host, token) : await enter(trx, host, token, group, labels);
      const at = row.claimed_at ?? now();
      const claimed = { state: 'claimed', claimed_at: at, issued_hash: issued };
      await trx.updateTable('enrolment_request').set(claimed).where('id', '=', id).execute();
      const used = { used_at: at, used_by: host, used_from: row.address };
      await trx.updateTable('enrolment').set(used).where('id', '=', row.enrolment_id).execute();
      return { state: 'enrolled', host, token, group, labels, replaced: false };
    });
    await revision.raised();
    return enrolled;
  }

  return {
    async redeem(redemption) {
      const code = parseEnrolmentCode(redemption.code);
      if (code === null) throw unknownCode();
      const nonceHash = redemption.nonce === undefined ? null : sha256(redemption.nonce);
      const row = await db
        .selectFrom('enrolment')
        .selectAll()
        .where('code_hash', '=', await hashCode(code))
        .executeTakeFirst();
      // Here already, so that a stranger's guesses cost no transaction.
      standing(row, nonceHash);
      if (row === undefined) throw unknownCode();
      return row.kind === 'universal' ? wait(row.id, redemption, nonceHash) : enrol(row.id, redemption, nonceHash);
    },

    async claim(id, secret) {
      const secretHash = sha256(secret);
      const row = checkedRequest(await db.selectFrom('enrolment_request').selectAll().where('id', '=', id).executeTakeFirst(), secretHash);
      return row.state === 'pending' ? { state: 'pending', host: row.host } : claimApproved(id, secretHash);
    },
  };
}

/** The name that a host gets with this code. Throws EnrolmentError, or RegistryError `invalid`. */
function nameFor(row: Tables['enrolment'], wanted: string | undefined, hostname: string): string {
  if (row.host !== null && wanted !== undefined && wanted !== row.host) {
    throw new EnrolmentError(
      'host-mismatch',
      `this code is for the host ${row.host} alone; enrol with --host ${row.host}, or make another code`,
    );
  }
  const host = row.host ?? wanted ?? toHostId(hostname);
  checkHostName(host);
  return host;
}

async function isTaken(trx: Trx, host: string): Promise<boolean> {
  return exists(trx, host).catch((error: unknown) => {
    throw error instanceof RegistryError && error.code === 'exists' ? hostExists(host, error) : error;
  });
}

/** Null if there is no such host. Who was removed or got another token has lost for good the one that it was issued. */
async function tokenHashOf(trx: Trx, host: string): Promise<string | null> {
  return (await trx.selectFrom('host').select('token_hash').where('host', '=', host).executeTakeFirst())?.token_hash ?? null;
}

function same(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

function unknownCode(): EnrolmentError {
  return new EnrolmentError('code-unknown', 'the server does not know this code; check it for a slip, or make a new one: hostwire enroll');
}

function usedCode(): EnrolmentError {
  return new EnrolmentError('code-used', 'this code was used already; make a new one on the server: hostwire enroll, or Add a host');
}

function hostExists(host: string, cause?: unknown): EnrolmentError {
  return new EnrolmentError(
    'host-exists',
    `the name ${host} is taken; choose another with --host NAME, or, if this is that host, make a code for it on the server: hostwire enroll ${host}`,
    { cause },
  );
}
