import { accessSync, constants } from 'node:fs';
import { dirname } from 'node:path';
import { COLLECTORS } from '@hostwire/collectors';
import { keyChecker, type SshEndpoint } from '@hostwire/host-access';
import { HOST_ID_PATTERN, TIERS } from '@hostwire/model';
import type { ConfigProblem } from '@hostwire/service';
import Type, { type Static } from 'typebox';

const ADDRESS = '[A-Za-z0-9](?:[A-Za-z0-9.-]{0,253})|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*(?:%[A-Za-z0-9_.-]+)?';
const USER = '[a-z_][a-z0-9_-]{0,31}';
const DEFAULT_SSH_PORT = 22;

/** One entry of `[[remote]]`: a host that this agent asks over SSH. */
const RemoteSchema = Type.Object(
  {
    name: Type.String({
      pattern: HOST_ID_PATTERN.source,
      allowed: "the host's name on the server: 1 to 63 of the characters a-z 0-9 _ . - that begin with a letter or a digit",
    }),
    address: Type.String({ pattern: `^(?:${ADDRESS})$`, allowed: 'a name or an address, without user and port' }),
    port: Type.Integer({ minimum: 1, maximum: 65_535, default: DEFAULT_SSH_PORT }),
    user: Type.String({ pattern: `^${USER}$`, default: 'hostwire', allowed: 'the name of a user' }),
    key: Type.String({
      pattern: '^/',
      default: '/etc/hostwire/id_ed25519',
      allowed: 'the absolute path of a private key without a passphrase',
    }),
    jump: Type.Optional(
      Type.String({
        pattern: `^${USER}@(?:[A-Za-z0-9][A-Za-z0-9.-]{0,253}|\\[[0-9A-Fa-f:.%]+\\])(?::[0-9]{1,5})?$`,
        allowed: 'user@host or user@host:port',
      }),
    ),
    known_hosts: Type.String({ pattern: '^/', default: '/etc/hostwire/known_hosts', allowed: 'an absolute path' }),
    host_keys: Type.Union([Type.Literal('pinned'), Type.Literal('accept-new')], { default: 'pinned' }),
    tiers: Type.Array(Type.Union([Type.Literal('fast'), Type.Literal('medium'), Type.Literal('slow')]), {
      default: [...TIERS],
      minItems: 1,
    }),
    collectors: Type.Optional(Type.Array(Type.String({ minLength: 1 }))),
  },
  { additionalProperties: false },
);

export const RemotesSchema = Type.Array(RemoteSchema, { default: [], maxItems: 1000 });

/** Whether the machine that the agent runs on is sampled beside the hosts that it asks over SSH. */
export const LocalSchema = Type.Object({ enabled: Type.Boolean({ default: true }) });

export type Remote = Static<typeof RemoteSchema>;

/** `user@host:port`, as the schema lets it in. */
export function parseJump(text: string): SshEndpoint {
  const [, user = '', host = '', port = String(DEFAULT_SSH_PORT)] = /^([^@]+)@(\[.*\]|[^:]+)(?::(\d+))?$/.exec(text) ?? [];
  return { user, host: host.replace(/^\[(.*)\]$/, '$1'), port: Number(port) };
}

/**
 * What is wrong with the entries and their files now, all of it; `ownId`: of the agent's own host. The library for SSH is loaded only if
 * there are entries.
 */
export async function remoteChecks(
  text: string,
): Promise<(remotes: readonly Partial<Remote>[] | undefined, ownId: string | undefined) => ConfigProblem[]> {
  const hasRemotes = /^\s*\[\[\s*remote\s*\]\]|^\s*remote\s*=/m.test(text);
  const checkKey = hasRemotes ? await keyChecker() : () => null;
  return (remotes = [], ownId) =>
    remotes.flatMap((remote, index) => [...checkEntry(remote, index, remotes, ownId), ...checkFiles(remote, index, checkKey)]);
}

function checkEntry(
  { name, jump, collectors = [] }: Partial<Remote>,
  index: number,
  remotes: readonly Partial<Remote>[],
  ownId: string | undefined,
): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  if (name !== undefined && (name === ownId || remotes.findIndex((other) => other.name === name) !== index)) {
    problems.push({
      key: `remote[${index}].name`,
      value: JSON.stringify(name),
      allowed: 'is the name of another host here; each has one of its own',
    });
  }
  if (jump !== undefined && !(parseJump(jump).port >= 1 && parseJump(jump).port <= 65_535)) {
    problems.push({ key: `remote[${index}].jump`, value: JSON.stringify(jump), allowed: 'has a port beyond 65535' });
  }
  const unknown = collectors.filter((each) => !COLLECTORS.some((collector) => collector.name === each));
  if (unknown.length > 0) {
    const allowed = `has names that are no collectors; those are ${COLLECTORS.map((collector) => collector.name).join(', ')}`;
    problems.push({ key: `remote[${index}].collectors`, value: JSON.stringify(unknown), allowed });
  }
  return problems;
}

function checkFiles(remote: Partial<Remote>, index: number, checkKey: (file: string) => string | null): ConfigProblem[] {
  const { key, known_hosts: knownHosts, host_keys: policy } = remote;
  const problems: ConfigProblem[] = [];
  const problem = (name: string, value: string, allowed: string) =>
    problems.push({ key: `remote[${index}].${name}`, value: JSON.stringify(value), allowed });
  const wrongKey = key === undefined ? null : checkKey(key);
  if (key !== undefined && wrongKey !== null) problem('key', key, wrongKey);
  if (knownHosts === undefined) return problems;
  const isThere = may(knownHosts, constants.R_OK);
  if (policy === 'accept-new') {
    const canWrite = isThere ? may(knownHosts, constants.W_OK) : may(dirname(knownHosts), constants.W_OK);
    if (!canWrite) problem('known_hosts', knownHosts, 'cannot be written, and with host_keys = "accept-new" new keys are kept there');
  } else if (!isThere) {
    problem(
      'known_hosts',
      knownHosts,
      `cannot be read; write the host's key there: ssh-keyscan ${remote.address ?? 'HOST'} >>${knownHosts}, and compare it with the host itself`,
    );
  }
  return problems;
}

function may(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}
