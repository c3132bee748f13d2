import { createHash, X509Certificate } from 'node:crypto';
import { HOST_ID_PATTERN, parseEnrolmentCode } from '@hostwire/model';
import { EXIT } from '@hostwire/service';
import { configPath, loadConfig } from '../agent-config.ts';
import { type AgentCommand, type Given, UsageError } from '../cli.ts';
import { readEnrolmentFacts } from '../host-facts.ts';
import { openHost } from '../host-source.ts';
import { prepareFiles, writeFiles } from './agent-files.ts';
import { EnrollError } from './enroll-error.ts';
import { type Enrolled, type ExchangeTiming, exchange } from './exchange.ts';
import { parseServer } from './server-address.ts';

/** Where sentences and results go; for tests. */
export interface EnrollOutput {
  print(text: string): void;
  tell(text: string): void;
}

const STANDARD: EnrollOutput = {
  print: (text) => void process.stdout.write(text),
  tell: (text) => void process.stderr.write(text),
};

export const enrollCommand: AgentCommand = {
  name: 'enroll',
  summary: 'exchange a code of the server for what this host needs to connect, and write its configuration',
  options: [
    ['--server <url>', 'the server: https://host:port (http:// only on this machine, or with --allow-plain)'],
    ['--code <code>', 'the code that the server gave: hostwire enroll, or Add a host on the dashboard'],
    ['--pin <pin>', "of the server's key, sha256//...; checked before anything is sent; else the system's CAs must know the server"],
    ['--host <id>', 'name of this host in topics and series; default that of the code, else the host name'],
    ['--config <file>', 'what to write; else HOSTWIRE_AGENT_CONFIG, else /etc/hostwire/agent.toml'],
    ['--allow-plain', 'enrol without TLS, in a network that you trust'],
    ['--json', 'print the result as JSON'],
  ],
  notes: `Of a configuration that is there only server_url, host_id, token, topic_root and [tls] are replaced.

Exit codes: 0 enrolled, 1 failed, 2 the command line or the configuration cannot be used, 3 the server refused the code,
4 the server is not the one that the pin or the CA names.`,
  run: (given, env) => enroll(given, env),
};

/** Resolves with the exit code. Throws UsageError and ConfigError. */
export async function enroll(
  given: Given,
  env: NodeJS.ProcessEnv,
  output: EnrollOutput = STANDARD,
  timing: ExchangeTiming = {},
): Promise<number> {
  const server = parseServer(required(given, 'server'), given.text('pin'), given.flag('allowPlain'));
  const code = parseEnrolmentCode(required(given, 'code'));
  if (code === null) throw new UsageError('--code is not a code of twelve letters and digits, such as 7K2M-QX4D-R9PV');
  const host = given.text('host');
  if (host !== undefined && !HOST_ID_PATTERN.test(host)) {
    throw new UsageError(`--host ${JSON.stringify(host)} is not 1 to 63 of a-z 0-9 _ . - that begin with a letter or a digit`);
  }
  const json = given.flag('json');
  const file = configPath(given.text('config'), env);
  try {
    const files = await prepareFiles(file);
    await loadConfig(file, {}, { connect: false, mustExist: false });
    const { access } = await openHost({ mock: false, loop: false, root: env['HOST_ROOT'] });
    const facts = await readEnrolmentFacts(access, (env['HOST_ROOT'] ?? '/') !== '/');
    await access.close();
    const enrolled = await exchange({
      ...{ server, code, facts, timing },
      ...(host === undefined ? {} : { host }),
      onWait: (sentence) => output.tell(`hostwire-agent: ${sentence}\n`),
    });
    checkAuthority(enrolled);
    await writeFiles(files, enrolled);
    report(enrolled, file, json, output);
    return EXIT.ok;
  } catch (error) {
    if (!(error instanceof EnrollError)) throw error;
    if (json) output.print(`${JSON.stringify({ error: { code: error.code, message: error.message } }, null, 2)}\n`);
    output.tell(`hostwire-agent: ${error.message}\n`);
    return error.exitCode;
  }
}

function required(given: Given, name: string): string {
  const value = given.text(name);
  if (value === undefined) throw new UsageError(`--${name} is missing; the command that the server prints (hostwire enroll) has it`);
  return value;
}

/** A CA that is none, or not that of its fingerprint, would show itself only when the agent cannot connect. Throws EnrollError. */
function checkAuthority({ ca_pem: pem, ca_fingerprint: fingerprint }: Enrolled): void {
  if (pem === null) return;
  let found = '';
  try {
    found = `sha256:${createHash('sha256').update(new X509Certificate(pem).raw).digest('hex')}`;
  } catch {
    // Told below.
  }
  if (found === '' || (fingerprint !== null && found !== fingerprint)) {
    throw new EnrollError('failed', 'the CA that the server handed out is not what its fingerprint says; look at its tls.ca');
  }
}

function report({ host, mqtt_url: url, ca_fingerprint: fingerprint }: Enrolled, file: string, json: boolean, output: EnrollOutput): void {
  if (json) {
    output.print(`${JSON.stringify({ host, server_url: url, config: file, ca_fingerprint: fingerprint }, null, 2)}\n`);
    return;
  }
  const authority = fingerprint === null ? '' : `\nIts CA is ${fingerprint}.`;
  output.print(`Enrolled as ${host}; it publishes to ${url}, as ${file} says.${authority}\n`);
}
