import { createHash } from 'node:crypto';
import type { Row } from '@hostwire/model';
import { whyNotAllowed } from '../actions/action-desk.ts';
import type { TmuxSessionBody } from '../api/session-schemas.ts';
import type { HostLive } from './host-live.ts';
import { numberOf, textOf } from './values.ts';

/** A session as the API shows it, and what its host needs to find it again. */
export interface LiveSession {
  readonly body: TmuxSessionBody;
  readonly target: SessionTarget;
}

export interface SessionLook {
  readonly rows: readonly Row[];
  /** The agent's stamp; `receivedAt` is by the server's clock. Both ms since the epoch. */
  readonly time: number;
  readonly receivedAt: number;
  readonly current: boolean;
  readonly killable: TmuxSessionBody['killable'];
}

/** `created` is seconds since the epoch, as tmux has it. */
export type SessionTarget = {
  readonly user: string;
  readonly socket: string;
  readonly session: string;
  readonly created: number;
};

export const KILL = 'tmux.kill' as const;

/** Names that mean the same to every shell and to ssh. */
const PLAIN_USER = /^[A-Za-z_][A-Za-z0-9_.-]{0,31}$/;
const PLAIN_ADDRESS = /^[A-Za-z0-9][A-Za-z0-9.-]{0,252}$/;
const PLAIN_SESSION = /^[A-Za-z0-9_][A-Za-z0-9_-]*$/;
const PLAIN_SOCKET = /^\/tmp\/tmux-[0-9]{1,9}\/([A-Za-z0-9_][A-Za-z0-9_.@%+=,-]{0,63})$/;
const SESSION_ID = /^\$[0-9]{1,9}$/;
const LATE_INTERVALS = 3;

/** The rows of a host's newest look at its sessions, or of the last one that there was; null: it never told of any. */
export function lookOf(host: HostLive, now: number): SessionLook | null {
  const found = host.standing('tmux_session', 'tmux');
  if (found === undefined) return null;
  const { rows, time, receivedAt, interval } = found;
  const isHeard = now - receivedAt <= LATE_INTERVALS * interval * 1000;
  const current = found.current && host.state === 'online' && !host.isLate(now) && isHeard;
  return { rows, time, receivedAt, current, killable: killableOn(host, current) };
}

/** The sessions of a host, by user and name. */
export function sessionsOf(host: HostLive, now: number): LiveSession[] {
  const look = lookOf(host, now);
  if (look === null) return [];
  const { time, receivedAt, current, killable } = look;
  const seen = { current, time, age: Math.max(0, now - receivedAt) / 1000, killable };
  return look.rows
    .map((row): LiveSession => {
      const target = targetOf(row);
      return { target, body: { ...describe(host, row, target), ...seen } };
    })
    .sort(({ body: a }, { body: b }) => order(a.user, b.user) || order(a.name, b.name) || order(a.id, b.id));
}

/** Finds a session by the id that the API gave it; `host` is null if there is no such host at all. */
export function findSession(
  hosts: { get(host: string): HostLive | undefined },
  id: string,
  now: number,
): { readonly host: HostLive | null; readonly session: LiveSession | null } {
  const host = hosts.get(id.slice(0, Math.max(0, id.lastIndexOf('~')))) ?? null;
  return { host, session: host === null ? null : (sessionsOf(host, now).find(({ body }) => body.id === id) ?? null) };
}

/** Whether any session of a host can be killed now. */
function killableOn(host: HostLive, current: boolean): TmuxSessionBody['killable'] {
  const name = host.host;
  if (host.state !== 'online') return { allowed: false, reason: `${name} is offline: what it runs is known again when it is back.` };
  if (!current) return { allowed: false, reason: `${name} has not told of its sessions lately: wait for its next sample.` };
  if (host.info?.actions?.includes(KILL) !== true) return { allowed: false, reason: whyNotAllowed(host, KILL) };
  return { allowed: true };
}

function targetOf({ tags = {}, fields }: Row): SessionTarget {
  return {
    user: tags['user'] ?? '',
    socket: textOf(fields['socket']) ?? '',
    session: textOf(fields['id']) ?? '',
    created: numberOf(fields['created']) ?? 0,
  };
}

function describe(
  host: HostLive,
  { tags = {}, fields }: Row,
  target: SessionTarget,
): Omit<TmuxSessionBody, 'current' | 'time' | 'age' | 'killable'> {
  const name = tags['session'] ?? '';
  const activity = numberOf(fields['last_activity']);
  return {
    id: idOf(host.host, target),
    host: host.host,
    user: target.user,
    name,
    windows: numberOf(fields['windows']),
    attached: numberOf(fields['attached']),
    created: target.created === 0 ? null : target.created * 1000,
    lastActivity: activity === null ? null : activity * 1000,
    status: fields['status'] === 'legacy' ? 'legacy' : 'active',
    cpu: numberOf(fields['cpu_usage']),
    memory: numberOf(fields['memory_rss']),
    gpuMemory: numberOf(fields['gpu_memory']),
    pids: numberOf(fields['pids']),
    ...waysTo(host, name, target),
  };
}

/** The host's name stands in it in clear, all else as a digest: whatever letters a user or a session has, it fits into a path. */
function idOf(host: string, { user, socket, session, created }: SessionTarget): string {
  const digest = createHash('sha256')
    .update(JSON.stringify([host, user, socket, session, created]))
    .digest('base64url');
  return `${host}~${digest.slice(0, 22)}`;
}

/** All of it comes from the host, and is pasted into a shell: what is not plain is named by its number, or not at all. */
function waysTo(
  { host, info }: HostLive,
  name: string,
  { user, socket, session }: SessionTarget,
): Pick<TmuxSessionBody, 'attachCommand' | 'sshUrl'> {
  if (!PLAIN_USER.test(user)) return { attachCommand: null, sshUrl: null };
  const address = info !== null && PLAIN_ADDRESS.test(info.hostname) ? info.hostname : host;
  const sshUrl = `ssh://${user}@${address}`;
  const target = PLAIN_SESSION.test(name) ? name : SESSION_ID.test(session) ? `\\${session}` : null;
  const server = PLAIN_SOCKET.exec(socket)?.[1];
  if (target === null || server === undefined) return { attachCommand: null, sshUrl };
  return { attachCommand: `ssh ${user}@${address} -t 'tmux ${server === 'default' ? '' : `-L ${server} `}attach -t ${target}'`, sshUrl };
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
