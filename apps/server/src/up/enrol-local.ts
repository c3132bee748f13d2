import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { toHostId } from '@hostwire/model';
import type { Registry } from '@hostwire/registry';

export interface LocalAgent {
  readonly host: string;
  readonly configFile: string;
}

/** The all-in-one start samples often, so that the first chart is lively. Seconds. */
const INTERVALS = { fast: 5, medium: 30, slow: 300 };

/**
 * Enrols this machine as a host, once, and writes its agent's configuration, which is where its token is kept (0600).
 * Where the registry knows the host and the file is gone, the token is made anew.
 */
export async function enrolLocalHost(
  registry: Pick<Registry, 'hosts' | 'tokens'>,
  {
    dataDir,
    serverUrl,
    topicRoot,
    token: given,
  }: {
    readonly dataDir: string;
    readonly serverUrl: string;
    readonly topicRoot: string;
    /** For an external broker that has its own passwords. */
    readonly token?: string;
  },
): Promise<LocalAgent> {
  const host = toHostId(hostname());
  const folder = join(dataDir, 'agent');
  const configFile = join(folder, 'agent.toml');
  const token = given ?? (await currentToken(registry, host, configFile));
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const text = [
    '# Written by hostwire at each start.',
    `server_url = ${JSON.stringify(serverUrl)}`,
    `host_id = ${JSON.stringify(host)}`,
    `token = ${JSON.stringify(token)}`,
    `topic_root = ${JSON.stringify(topicRoot)}`,
    '',
    '[intervals]',
    `fast_seconds = ${INTERVALS.fast}`,
    `medium_seconds = ${INTERVALS.medium}`,
    `slow_seconds = ${INTERVALS.slow}`,
    '',
    '[spool]',
    `dir = ${JSON.stringify(join(resolve(folder), 'spool'))}`,
    '',
  ].join('\n');
  // A new file by name, so that neither a half-written one nor wider permissions of an old one remain.
  const temporary = `${configFile}.${process.pid}`;
  writeFileSync(temporary, text, { mode: 0o600 });
  renameSync(temporary, configFile);
  return { host, configFile };
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
