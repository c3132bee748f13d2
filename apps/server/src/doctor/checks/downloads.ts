import { createHash } from 'node:crypto';
import { failure, fine, type Observation, warning } from '@hostwire/service/doctor';
import { Downloads } from '../../enrolment/downloads.ts';
import { isLoopback } from '../../kept-address.ts';
import type { ServerCheck } from '../server-look.ts';

const SUMS = 'SHA256SUMS';
const PUT = 'put the archives of the agent there: npm run package in a checkout makes them; or set downloads_dir to where they are';

/** Whether hosts that enrol find the agent's archives here, and whole. */
export const downloads: ServerCheck = {
  name: 'downloads',
  async run({ config: { downloadsDir, roles, listen, publicUrl } }, signal) {
    if (!roles.includes('api')) return [];
    const found = new Downloads(downloadsDir);
    const names = await found.names();
    const archives = names.filter((name) => name !== SUMS);
    if (archives.length === 0) {
      if (isLoopback(listen) && publicUrl === undefined)
        return [fine('no archives of the agent are here, which only other machines would need')];
      return [warning('hosts that are to be enrolled find no archives of the agent here', PUT)];
    }
    if (!names.includes(SUMS)) return [failure(`there is no ${SUMS} beside the archives of the agent, and so no host installs them`, PUT)];
    const sums = (await text(found, SUMS)).split('\n');
    const wrong = (await Promise.all(archives.map((name) => lookAt(found, name, sums, signal)))).filter(
      (one): one is Observation => one !== null,
    );
    return wrong.length > 0 ? wrong : [fine(`${archives.join(', ')} can be fetched by hosts that enrol, and fit their checksums`)];
  },
};

async function lookAt(found: Downloads, name: string, sums: readonly string[], signal: AbortSignal): Promise<Observation | null> {
  const expected = sums.find((line) => line.endsWith(` ${name}`) || line.endsWith(`*${name}`))?.split(/\s/)[0];
  const file = await found.open(name);
  if (file === null) return null;
  const hash = createHash('sha256');
  for await (const chunk of file.handle.createReadStream({ signal })) hash.update(chunk as Buffer);
  return hash.digest('hex') === expected ? null : failure(`${name} does not fit its checksum in ${SUMS}, and so no host installs it`, PUT);
}

async function text(found: Downloads, name: string): Promise<string> {
  const file = await found.open(name);
  if (file === null) return '';
  try {
    return await file.handle.readFile('utf8');
  } finally {
    await file.handle.close();
  }
}
