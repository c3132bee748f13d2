import { join } from 'node:path';
import { COLLECTORS, settingsOf } from '@hostwire/collectors';
import { DiagnosticDump, recordAccess, SshHost, type SshOptions } from '@hostwire/host-access';
import type { Logger } from '@hostwire/service';
import type { Agent, AgentOptions } from '../agent.ts';
import { startAgent } from '../agent.ts';
import { type AgentConfig, type Connection, intervalsOf } from '../agent-config.ts';
import { timedDump } from '../timed-dump.ts';
import { parseJump, type Remote } from './remote-schema.ts';

export interface RemoteAgentsOptions {
  readonly config: AgentConfig;
  /** The gateway's own. */
  readonly connection: Connection;
  /** The gateway's own name. */
  readonly gateway: string;
  /** Of the gateway's own samples; those of each host wait in a folder below. Null: memory only. */
  readonly spoolFolder: string | null;
  readonly logger: Logger;
  /** For tests. */
  readonly agent?: Pick<AgentOptions, 'timing' | 'spoolTiming'>;
}

/** They look at the network from where they run, which is the gateway: once is enough. */
const NOT_OVER_SSH: readonly string[] = ['http_response', 'net_response', 'dns_query', 'ping', 'x509_cert', 'public_ip', 'custom'];

/** Of the fast interval: so that a host that is gone is known to be before its next sample is due, and one that is back has it then. */
const KEEPALIVE = 0.25;
const CONNECT = 0.5;
const RETRY = 0.5;

/**
 * Starts one agent for each `[[remote]]`, all at once: each has its own connections, spool, rhythm and status, and what befalls one
 * disturbs no other. Rejects only with JournalError `locked`, and then has stopped those that run.
 */
export async function startRemoteAgents(options: RemoteAgentsOptions): Promise<readonly Agent[]> {
  const started = await Promise.allSettled(options.config.remote.map((remote) => startRemoteAgent(remote, options)));
  const agents = started.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const failed = started.find((one) => one.status === 'rejected');
  if (failed === undefined) return agents;
  await Promise.all(agents.map((agent) => agent.stop()));
  throw failed.reason;
}

async function startRemoteAgent(remote: Remote, options: RemoteAgentsOptions): Promise<Agent> {
  const { connection, gateway, spoolFolder } = options;
  const config = remoteConfig(options.config, remote);
  const logger = options.logger.child({ remote: remote.name });
  const host = new SshHost(sshOptions(options.config, remote));
  let told = '';
  host.onReach((reach) => {
    const now = reach.reachable ? 'reachable' : `offline, ${reach.refused ? 'refused' : 'silent'}`;
    const level = now === told ? 'debug' : reach.reachable ? 'info' : 'warn';
    told = now;
    logger[level](reach.reachable ? `${remote.name} can be reached` : `${remote.name} is offline: ${reach.reason}`);
  });
  const dump =
    config.debug.dump_dir === ''
      ? null
      : new DiagnosticDump(join(config.debug.dump_dir, 'remote', remote.name), { warn: (message) => logger.warn(message) });
  const spool = spoolFolder === null ? null : join(spoolFolder, 'remote', remote.name);
  const timed = dump === null ? timedDump({ access: host, folder: spool === null ? null : join(spool, 'dump'), logger }) : null;
  const dumping = dump ?? timed;
  // Whoever cannot be reached is tried again by itself.
  await host.connect().catch(() => undefined);
  const agent = await startAgent({
    ...options.agent,
    config,
    connection: { ...connection, username: gateway },
    source: { access: timed?.access ?? (dump === null ? host : recordAccess(host, dump)), mock: false, replay: null, reach: host },
    host: remote.name,
    spoolFolder: spool,
    remapped: false,
    logger,
    onPayload: (kind, text) => dumping?.payload(kind, text),
    startDump: async (minutes) => timed?.start(minutes),
  }).catch(async (error: unknown) => {
    await host.close();
    throw error;
  });
  return {
    ...agent,
    async stop() {
      // First: what it still asks is given up, so that nobody waits for a host that does not answer.
      await host.close();
      await agent.stop();
      await dumping?.close();
    },
  };
}

/** The file as it holds for a host: the collectors that its entry leaves out, or that do not go over SSH, are off, and no server turns them on. */
export function remoteConfig(own: AgentConfig, { name, tiers, collectors }: Remote): AgentConfig {
  const tables = COLLECTORS.map((collector) => {
    const isChosen = collectors?.includes(collector.name) ?? true;
    const isOn = isChosen && tiers.includes(settingsOf(collector, own.collectors).tier) && !NOT_OVER_SSH.includes(collector.name);
    return [collector.name, { ...own.collectors[collector.name], ...(isOn ? {} : { enabled: false }) }] as const;
  });
  return { ...own, host_id: name, remote: [], collectors: Object.fromEntries(tables) };
}

export function sshOptions(
  config: AgentConfig,
  { address, port, user, key, jump, known_hosts: knownHostsFile, host_keys: policy }: Remote,
): SshOptions {
  const poll = intervalsOf(config).fast * 1000;
  return {
    target: { host: address, port, user },
    ...(jump === undefined ? {} : { jump: parseJump(jump) }),
    keyFile: key,
    knownHostsFile,
    acceptNew: policy === 'accept-new',
    sudo: config.sudo,
    timing: {
      keepaliveMs: bounded(poll * KEEPALIVE, 250, 15_000),
      connectMs: bounded(poll * CONNECT, 1_000, 10_000),
      minDelayMs: bounded(poll * RETRY, 250, 1_000),
      maxDelayMs: bounded(poll * RETRY, 250, 30_000),
    },
  };
}

function bounded(value: number, least: number, most: number): number {
  return Math.round(Math.min(most, Math.max(least, value)));
}
