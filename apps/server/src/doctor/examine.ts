import { ConfigError, describeProblem } from '@hostwire/service';
import { type Finding, runChecks } from '@hostwire/service/doctor';
import { loadConfig, type ServerConfig, type ServerOptions } from '../config/load-config.ts';
import { broker } from './checks/broker.ts';
import { certificate } from './checks/certificate.ts';
import { clock } from './checks/clock.ts';
import { dataDirectory } from './checks/data-directory.ts';
import { deadLetters } from './checks/dead-letters.ts';
import { disk } from './checks/disk.ts';
import { downloads } from './checks/downloads.ts';
import { hosts } from './checks/hosts.ts';
import { journal } from './checks/journal.ts';
import { ports } from './checks/ports.ts';
import { registry } from './checks/registry.ts';
import { rules } from './checks/rules.ts';
import { running } from './checks/running.ts';
import { secrets } from './checks/secrets.ts';
import { seriesStore } from './checks/series-store.ts';
import { transport } from './checks/transport.ts';
import { unit } from './checks/unit.ts';
import { findRunningServer, unknownServer } from './running-server.ts';
import type { ServerCheck } from './server-look.ts';

/** In the order in which they are shown. */
export const SERVER_CHECKS: readonly ServerCheck[] = [
  dataDirectory,
  secrets,
  disk,
  ports,
  running,
  unit,
  registry,
  seriesStore,
  journal,
  broker,
  certificate,
  transport,
  clock,
  rules,
  deadLetters,
  downloads,
  hosts,
];

const CONFIGURATION = 'configuration';

/** Looks at everything that a server with these options needs, and changes nothing. Never rejects. */
export async function examineServer(
  options: ServerOptions,
  environment: NodeJS.ProcessEnv = process.env,
  now: () => number = Date.now,
): Promise<Finding[]> {
  const configFile = options.config ?? (environment['HOSTWIRE_CONFIG'] || undefined);
  let config: ServerConfig;
  try {
    config = loadConfig(options, environment);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return configurationFindings(error);
  }
  const source = configFile ?? 'the command line and the environment';
  const good: Finding = { check: CONFIGURATION, level: 'ok', message: `${source}: no problem`, cure: null };
  const found = await findRunningServer(config).catch(unknownServer);
  return [good, ...(await runChecks(SERVER_CHECKS, { config, configFile, running: found, now }))];
}

/** A configuration that cannot be read leaves nothing else to look at. */
function configurationFindings({ file, problems }: ConfigError): Finding[] {
  return problems.map((problem) => ({
    check: CONFIGURATION,
    level: 'error',
    message: `${file}: ${describeProblem(problem)}`,
    cure: `correct it${problem.line === undefined ? '' : ` in line ${problem.line}`}; docs/reference/configuration.md has every key. The other checks need a configuration that can be used`,
  }));
}
