import { hostname } from 'node:os';
import { LocalHost } from '@hostwire/host-access';
import { toHostId } from '@hostwire/model';
import { ConfigError, type ConfigProblem, describeProblem } from '@hostwire/service';
import { type Finding, runChecks } from '@hostwire/service/doctor';
import { type AgentConfig, configPath, connectionOf, fileExists, isConfiguredBy, loadConfig } from '../agent-config.ts';
import { readHostname } from '../host-facts.ts';
import { lacksProc } from '../host-source.ts';
import { likelySpoolFolder } from '../spool/spool-folder.ts';
import type { AgentCheck, AgentLook } from './agent-look.ts';
import { broker } from './checks/broker.ts';
import { certificate } from './checks/certificate.ts';
import { clock } from './checks/clock.ts';
import { collectors } from './checks/collectors.ts';
import { container } from './checks/container.ts';
import { disk } from './checks/disk.ts';
import { permissions } from './checks/permissions.ts';
import { spool } from './checks/spool.ts';
import { unit } from './checks/unit.ts';

/** In the order in which they are shown. */
export const AGENT_CHECKS: readonly AgentCheck[] = [permissions, spool, disk, unit, container, broker, certificate, clock, collectors];

const CONFIGURATION = 'configuration';

/** Looks at everything that an agent with this configuration needs, and changes nothing. Never rejects. */
export async function examineAgent(config: string | undefined, env: NodeJS.ProcessEnv): Promise<Finding[]> {
  const configFile = configPath(config, env);
  if (!isConfiguredBy(env) && !(await fileExists(configFile))) return [notConfigured(configFile)];
  try {
    const loaded = await loadConfig(configFile, env, { connect: true, mustExist: !isConfiguredBy(env) });
    const good: Finding = { check: CONFIGURATION, level: 'ok', message: `${configFile}: no problem`, cure: null };
    return [good, ...(await runChecks(AGENT_CHECKS, await lookOf(loaded, configFile, env)))];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return problemFindings(error);
  }
}

function notConfigured(configFile: string): Finding {
  return {
    check: CONFIGURATION,
    level: 'error',
    message: `there is no configuration at ${configFile}: the agent waits for it`,
    cure: 'enrol this host with the command that the dashboard ("Add a host") or `hostwire enroll NAME` on the server shows',
  };
}

function problemFindings({ file, problems }: ConfigError): Finding[] {
  return problems.map((problem) => ({
    check: CONFIGURATION,
    level: 'error',
    message: `${file}: ${describeProblem(problem)}`,
    cure: `${cureOf(problem)}. The other checks need a configuration that can be used`,
  }));
}

function cureOf({ key, line }: ConfigProblem): string {
  if (key === 'token_file')
    return 'see that the file is there and that the user of the agent may read it (chown hostwire-agent, chmod 600), or set token instead';
  if (key.startsWith('tls.'))
    return 'enrol this host again with the command that `hostwire enroll NAME` on the server prints, or correct the files that [tls] names';
  return `correct it${line === undefined ? '' : ` in line ${line}`}; docs/reference/configuration.md has every key`;
}

async function lookOf(config: AgentConfig, configFile: string, env: NodeJS.ProcessEnv): Promise<AgentLook> {
  const given = env['HOST_ROOT'] ?? '';
  const root = given === '/' ? '' : given;
  return {
    config,
    configFile,
    token: connectionOf(config).token,
    host: config.host_id ?? toHostId(await nameOf(root)),
    spool: await likelySpoolFolder(config.spool.dir, env),
    root,
    env,
    now: Date.now,
  };
}

async function nameOf(root: string): Promise<string> {
  if (lacksProc(root === '' ? undefined : root)) return hostname();
  const access = new LocalHost(root === '' ? {} : { root });
  try {
    return await readHostname(access, root !== '');
  } finally {
    await access.close();
  }
}
