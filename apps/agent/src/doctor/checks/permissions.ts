import { readFile } from 'node:fs/promises';
import { failure, lookAtSecretFile, type Observation } from '@hostwire/service/doctor';
import type { AgentCheck } from '../agent-look.ts';

/** Whether the files with the token can be read, and by their owner alone. */
export const permissions: AgentCheck = {
  name: 'permissions',
  async run({ config, configFile }) {
    const files: [string, string][] = [];
    if (config.token !== undefined && (await mentions(configFile, config.token)))
      files.push([configFile, 'the configuration with the token']);
    if (config.token_file !== undefined) files.push([config.token_file, 'the token']);
    const seen = await Promise.all(files.map(([path, what]) => lookAtSecretFile(path, what)));
    return seen.map((found, at): Observation => {
      const [path = ''] = files[at] ?? [];
      return found ?? failure(`${path} is not there`, 'put the token there, or remove token_file and set token');
    });
  },
};

/** The token may also come from the environment. */
async function mentions(file: string, token: string): Promise<boolean> {
  return readFile(file, 'utf8').then(
    (text) => text.includes(token),
    () => false,
  );
}
