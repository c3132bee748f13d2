import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isSecretKey } from '@hostwire/service';
import { fine, lookAtSecretFile, type Observation, RUN_AS_OWNER } from '@hostwire/service/doctor';
import type { ServerCheck } from '../server-look.ts';

/** In the data directory. */
const SECRETS: Readonly<Record<string, string>> = {
  'internal.token': 'the secret that the server processes share',
  'server.key': 'the key that signs commands',
  'registry.db': 'hosts, users and hashes of tokens',
  'tls/ca.key': 'the key of the own CA',
  'tls/server.key': "the key of the server's certificate",
  'agent/agent.toml': "the token of this machine's agent",
};

/** Whether files with secrets can be read by their owner alone. */
export const secrets: ServerCheck = {
  name: 'permissions',
  async run({ config: { dataDir, tls }, configFile }) {
    const files = Object.entries(SECRETS).map(([name, what]): [string, string] => [join(dataDir, name), what]);
    if (tls.files !== undefined) files.push([tls.files.key, "the key of the server's certificate"]);
    if (configFile !== undefined && (await holdsSecret(configFile))) files.push([configFile, 'a configuration with secrets']);
    const seen = await Promise.all(files.map(([path, what]) => lookAtSecretFile(path, what)));
    const found = seen.filter((one): one is Observation => one !== null);
    const bad = found.filter(({ level }) => level !== 'ok');
    if (bad.length === 0) return found.length === 0 ? [] : [fine(`${found.length} files with secrets are their owner's alone`)];
    // Where this user may not look, it may not look at any of them.
    const [unseen] = bad.filter(({ cure }) => cure === RUN_AS_OWNER);
    return [...bad.filter(({ cure }) => cure !== RUN_AS_OWNER), ...(unseen === undefined ? [] : [unseen])];
  },
};

async function holdsSecret(file: string): Promise<boolean> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text.split('\n').some((line) => {
    const key = /^\s*([A-Za-z0-9_.-]+)\s*=/.exec(line)?.[1];
    return key !== undefined && (isSecretKey(key) || /:\/\/[^/\s?#:@"]*:[^/\s?#"]*@/.test(line));
  });
}
