import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { fingerprint } from '@hostwire/certificates';
import { toHostId } from '@hostwire/model';
import type { Registry } from '@hostwire/registry';
import { parseToml } from '@hostwire/service';

export interface LocalAgent {
  readonly host: string;
  readonly configFile: string;
}

/** The all-in-one start samples often, so that the first chart is lively. Seconds. */
const INTERVALS = { fast: 5, medium: 30, slow: 300 };

export interface LocalEnrolment {
  readonly host: string;
  /** Where `agent.toml` is kept, and `ca.pem` if there is one. */
  readonly folder: string;
  readonly serverUrl: string;
  readonly topicRoot: string;
  /** With which the server signs what it asks of the agent, as `ed25519:BASE64`. */
  readonly serverKey: string;
  /** For an external broker that has its own passwords. */
  readonly token?: string;
  /** Of the certificate that the agent will be shown, PEM; absent: every system knows its root, or there is none. */
  readonly ca?: string;
  /** Where the agent keeps its samples; absent: where it likes. */
  readonly spool?: string;
}

/**
 * Enrols this machine as a host, once, and writes its agent's configuration, which is where its token is kept (0600).
 * Where the registry knows the host and the file is gone, the token is made anew.
 */
export async function enrolLocalHost(
  registry: Pick<Registry, 'hosts' | 'tokens'>,
  { host, folder, serverUrl, topicRoot, serverKey, token: given, ca, spool }: LocalEnrolment,
): Promise<LocalAgent> {
  const configFile = join(folder, 'agent.toml');
  const caFile = join(resolve(folder), 'ca.pem');
  const token = given ?? (await currentToken(registry, host, configFile));
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (ca !== undefined) putFile(caFile, ca);
  const text = [
    '# Written by hostwire at each start; of what is changed here only [actions] stays.',
    `server_url = ${JSON.stringify(serverUrl)}`,
    `host_id = ${JSON.stringify(host)}`,
    `token = ${JSON.stringify(token)}`,
    `topic_root = ${JSON.stringify(topicRoot)}`,
    `server_key = ${JSON.stringify(serverKey)}`,
    '',
    '[intervals]',
    `fast_seconds = ${INTERVALS.fast}`,
    `medium_seconds = ${INTERVALS.medium}`,
    `slow_seconds = ${INTERVALS.slow}`,
    '',
    ...(ca === undefined ? [] : ['[tls]', `ca = ${JSON.stringify(caFile)}`, `ca_fingerprint = ${JSON.stringify(fingerprint(ca))}`, '']),
    ...actionsOf(configFile),
    ...(spool === undefined ? [] : ['[spool]', `dir = ${JSON.stringify(resolve(spool))}`, '']),
  ].join('\n');
  putFile(configFile, text);
  return { host, configFile };
}

/** What its owner allows a server to ask of the agent is kept: no server decides that. */
function actionsOf(configFile: string): string[] {
  try {
    const { actions } = parseToml(readFileSync(configFile, 'utf8'), configFile) as { readonly actions?: { readonly allow?: unknown } };
    const allow = actions?.allow;
    const isList = Array.isArray(allow) && allow.every((action) => typeof action === 'string');
    return isList ? ['[actions]', `allow = ${JSON.stringify(allow)}`, ''] : [];
  } catch {
    return [];
  }
}

/**
 * What this machine is called as a host: HOSTWIRE_AGENT_HOST_ID, else the name of the machine whose root is mounted at HOST_ROOT
 * (in a container), else of this one.
 */
export function localHostId(environment: NodeJS.ProcessEnv): string {
  const given = environment['HOSTWIRE_AGENT_HOST_ID'] ?? '';
  if (given !== '') return toHostId(given);
  const root = environment['HOST_ROOT'] ?? '';
  return toHostId((root === '' ? '' : firstLine(join(root, 'etc/hostname'))) || hostname());
}

/** A new file by name, so that neither a half-written one nor wider permissions of an old one remain. */
function putFile(file: string, text: string): void {
  const temporary = `${file}.${process.pid}`;
  writeFileSync(temporary, text, { mode: 0o600 });
  renameSync(temporary, file);
}

function firstLine(file: string): string {
  try {
    return readFileSync(file, 'utf8').split('\n')[0]?.trim() ?? '';
  } catch {
    return '';
  }
}

async function currentToken({ hosts, tokens }: Pick<Registry, 'hosts' | 'tokens'>, host: string, configFile: string): Promise<string> {
  const kept = readToken(configFile);
  if (kept !== null && (await tokens.checkMqtt(host, kept)).ok) return kept;
  const { token } = (await hosts.get(host)) === null ? await hosts.add(host) : await hosts.rotate(host);
  return token;
}

function readToken(configFile: string): string | null {
  try {
    return /^token = "([^"\\]+)"$/m.exec(readFileSync(configFile, 'utf8'))?.[1] ?? null;
  } catch {
    return null;
  }
}
