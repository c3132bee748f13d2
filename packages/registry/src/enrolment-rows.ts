import { pbkdf2, randomInt } from 'node:crypto';
import { promisify } from 'node:util';
import { ENROLMENT_CODE_ALPHABET, ENROLMENT_CODE_LENGTH, groupProblem, labelsProblem } from '@hostwire/model';
import type { Credentials } from './credentials.ts';
import type { EnrolmentKind, EnrolmentRecord, EnrolmentRequest, HostFacts, RequestState } from './enrolment.ts';
import { RegistryError } from './registry.ts';
import type { Revision } from './revision.ts';
import type { Db, Tables, Trx } from './tables.ts';

const stretch = promisify(pbkdf2);
const MAX_TEXT = 255;
/** How long what is over is shown, and a request may wait. */
export const ENROLMENT_KEPT_MS = 7 * 86_400_000;

export interface EnrolmentParts {
  readonly db: Db;
  readonly credentials: Credentials;
  readonly revision: Revision;
  readonly now: () => number;
}

/** Twelve random characters. */
export function newCode(): string {
  return Array.from({ length: ENROLMENT_CODE_LENGTH }, () => ENROLMENT_CODE_ALPHABET[randomInt(ENROLMENT_CODE_ALPHABET.length)]).join('');
}

/**
 * What a code is looked up by, so without a salt of its own. 60 bits are few enough that whoever has the table could try
 * them all against a fast hash while a code of a month still lives: this one takes ten thousand times as long.
 */
export async function hashCode(code: string): Promise<string> {
  return (await stretch(code, 'hostwire enrolment code', 10_000, 32, 'sha512')).toString('base64url');
}

/** Text of a stranger as it may be kept and shown: no control characters, nothing that turns the direction of what follows. */
export function plainText(text: string): string {
  return text
    .replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '\ufffd')
    .slice(0, MAX_TEXT)
    .trim();
}

export function plainFacts({ hostname, os, arch, agentVersion }: HostFacts): HostFacts {
  return { hostname: plainText(hostname), os: plainText(os), arch: plainText(arch), agentVersion: plainText(agentVersion) };
}

/** Throws RegistryError `invalid`. */
export function checkGrouping(group: string | null, labels: Readonly<Record<string, string>>): void {
  const problem = (group === null ? null : groupProblem(group)) ?? labelsProblem(labels);
  if (problem !== null) throw new RegistryError('invalid', problem);
}

export function toEnrolment(row: Tables['enrolment']): EnrolmentRecord {
  return {
    id: row.id,
    kind: row.kind as EnrolmentKind,
    host: row.host,
    replaces: row.replaces === 1,
    group: row.group_name,
    labels: toLabels(row.labels),
    createdAt: row.created_at,
    createdBy: row.created_by,
    expiresAt: row.expires_at,
    usedAt: row.used_at,
    usedBy: row.used_by,
    usedFrom: row.used_from,
  };
}

export function toRequest(row: Tables['enrolment_request']): EnrolmentRequest {
  return {
    id: row.id,
    enrolment: row.enrolment_id,
    host: row.host,
    address: row.address,
    facts: JSON.parse(row.facts) as HostFacts,
    createdAt: row.created_at,
    state: row.state as RequestState,
    decidedAt: row.decided_at,
    decidedBy: row.decided_by,
    group: row.group_name,
    labels: toLabels(row.labels),
  };
}

export function toLabels(text: string): Record<string, string> {
  return JSON.parse(text) as Record<string, string>;
}

/** True if there is a host, or a token, of this MQTT username. Throws RegistryError `exists` for a token's: no host can have it. */
export async function exists(trx: Trx, host: string): Promise<boolean> {
  if ((await trx.selectFrom('token').select('id').where('name', '=', host).executeTakeFirst()) !== undefined) {
    throw new RegistryError('exists', `a token has the name ${host} already, and both are MQTT usernames; choose another`);
  }
  return (await trx.selectFrom('host').select('host').where('host', '=', host).executeTakeFirst()) !== undefined;
}

/** Removes what is over. */
export async function prune(trx: Trx, now: number): Promise<void> {
  const before = now - ENROLMENT_KEPT_MS;
  await trx.deleteFrom('enrolment').where('expires_at', '<=', before).execute();
  await trx.deleteFrom('enrolment_request').where('created_at', '<=', before).execute();
}
