import type { Enrolment, HostDetail, HostSummary } from '../api/types.ts';
import { count } from '../format/number.ts';
import { span } from '../format/time.ts';

/** How far a new host has come. `wait`: not yet, and not late either. */
export interface Step {
  readonly key: 'code' | 'connect' | 'sample' | 'permissions';
  readonly state: 'done' | 'current' | 'wait' | 'trouble';
  /** Ms; null: not known, as it was before the page looked. */
  readonly at: number | null;
  readonly text: string;
  /** What a machine said, set apart in the text at `{0}` and `{1}`. */
  readonly told: readonly string[];
}

export interface ArrivalFacts {
  /** Null: the code was cancelled, or is so old that the server forgot it. */
  readonly enrolment: Enrolment | null;
  readonly host: HostSummary | null;
  readonly detail: HostDetail | null;
  /** Values of the first sample that is in the store; null: none is. */
  readonly stored: number | null;
  /** When this page saw it happen. */
  readonly connectedAt: number | null;
  readonly storedAt: number | null;
  readonly now: number;
}

/** A host that takes longer than this for its next step has a problem, ms. */
const PATIENCE = { connect: 45_000, sample: 30_000 };

/** The steps of a host from its code to its first sample, each with its proof. */
export function arrivalOf(facts: ArrivalFacts): readonly Step[] {
  const code = codeStep(facts);
  const used = code.state === 'done';
  const connected = used && isConnected(facts.host, facts.enrolment);
  const connect = connectStep(facts, used, connected);
  const sample = sampleStep(facts, connected);
  const need = facts.stored === null ? null : permissionStep(facts.detail);
  return [code, connect, sample, ...(need === null ? [] : [need])];
}

/** Its agent is, or was, there; where the host was there before, since it has its new token. */
export function isConnected(host: HostSummary | null, enrolment: Enrolment | null): boolean {
  if (host === null || host.state === 'never_connected') return false;
  return enrolment?.replaces !== true || (host.last_seen ?? 0) > (enrolment.used_at ?? 0);
}

function codeStep({ enrolment, now }: ArrivalFacts): Step {
  const step = { key: 'code', at: null, told: [] } as const;
  if (enrolment === null) return { ...step, state: 'trouble', text: 'The code was cancelled' };
  if (enrolment.used_at !== null) {
    const from = enrolment.used_from ?? 'an unknown address';
    return { ...step, state: 'done', at: enrolment.used_at, text: 'Code used from {0}', told: [from] };
  }
  if (enrolment.expires_at <= now) return { ...step, state: 'trouble', at: enrolment.expires_at, text: 'The code expired, unused' };
  return { ...step, state: 'current', text: 'Waiting for the command to be run' };
}

function connectStep({ enrolment, host, connectedAt, now }: ArrivalFacts, used: boolean, connected: boolean): Step {
  const step = { key: 'connect', at: null, told: [] } as const;
  if (!used) return { ...step, state: 'wait', text: 'Its agent connects' };
  if (connected) {
    const { agent_version: version, arch } = host ?? {};
    const text = ['Connected', version ? 'agent {0}' : null, arch ? '{1}' : null].filter(Boolean).join(', ');
    return { ...step, state: 'done', at: connectedAt, text, told: [version ?? '', arch ?? ''] };
  }
  const since = enrolment?.used_at ?? now;
  if (now - since < PATIENCE.connect) return { ...step, state: 'current', text: 'Waiting for its agent to connect' };
  return {
    ...step,
    state: 'trouble',
    text: 'No connection for {0}. On the host, this says why: {1}',
    told: [span((now - since) / 1000), 'sudo hostwire-agent doctor'],
  };
}

function sampleStep({ enrolment, stored, storedAt, connectedAt, now }: ArrivalFacts, connected: boolean): Step {
  const step = { key: 'sample', at: null, told: [] } as const;
  if (stored !== null) {
    const text = `First sample stored, {0} ${stored === 1 ? 'value' : 'values'}`;
    return { ...step, state: 'done', at: storedAt, text, told: [String(stored)] };
  }
  if (!connected) return { ...step, state: 'wait', text: 'Its first sample is stored' };
  const since = connectedAt ?? enrolment?.used_at ?? now;
  if (now - since < PATIENCE.sample) return { ...step, state: 'current', text: 'Waiting for its first sample' };
  return {
    ...step,
    state: 'trouble',
    text: 'No sample for {0}. On the host, this says why: {1}',
    told: [span((now - since) / 1000), 'sudo hostwire-agent doctor'],
  };
}

const REFUSED = /\b(EACCES|EPERM|permission)\b/i;

/** Collectors that could read more if somebody let them; what a machine simply does not have is none of these. */
function permissionStep(detail: HostDetail | null): Step | null {
  const all = Object.values(detail?.capabilities ?? {});
  const refused = all.filter(({ available, reason }) => !available && REFUSED.test(reason ?? '')).length;
  const curable = all.filter(({ available, hint }) => !available && hint !== undefined).length;
  const step = { key: 'permissions', state: 'trouble', at: null, told: [] } as const;
  if (refused > 0)
    return { ...step, text: `${refused} of ${count(all.length, 'collector')} ${refused === 1 ? 'needs' : 'need'} a permission` };
  return curable === 0 ? null : { ...step, text: `${curable} of ${count(all.length, 'collector')} cannot read here yet` };
}

/** How many values the newest rows of a host have. */
export function valuesIn(detail: HostDetail): number {
  let values = 0;
  for (const { rows } of Object.values(detail.latest)) {
    for (const { fields } of rows) values += Object.values(fields).filter((value) => value !== null).length;
  }
  return values;
}

/** A number of the newest rows, taken after `since`, by which the store can be asked whether it has them; null if there is none. */
export function probeOf(
  detail: HostDetail,
  since = 0,
): { readonly measurement: string; readonly field: string; readonly time: number } | null {
  for (const [measurement, { rows, time }] of Object.entries(detail.latest)) {
    if (time <= since) continue;
    for (const { fields } of rows) {
      const found = Object.entries(fields).find(([, value]) => typeof value === 'number');
      if (found !== undefined) return { measurement, field: found[0], time };
    }
  }
  return null;
}
