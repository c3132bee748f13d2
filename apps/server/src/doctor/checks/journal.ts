import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { storedBytes } from '@hostwire/journal';
import { describeBytes, failure, fine, type Observation, warning } from '@hostwire/service/doctor';
import type { ServerCheck } from '../server-look.ts';

/** So much of it in use, and the store has been away for a while. */
const FILLING = 0.5;
/** A segment is a sixteenth: with less than one left nothing more is taken. */
const FULL = 15 / 16;

/** How full the journals in front of InfluxDB are, and what of them was damaged. */
export const journal: ServerCheck = {
  name: 'journal',
  async run({
    config: {
      store,
      dataDir,
      journal: { maxBytes },
    },
  }) {
    const root = join(dataDir, 'journal');
    const folders = await list(root);
    const found = await Promise.all(folders.map((folder) => lookAt(join(root, folder), maxBytes)));
    if (store.kind === 'embedded') return found.flat().filter(({ level }) => level !== 'ok');
    return folders.length === 0 ? [fine(`no journal is in ${root} yet`)] : found.flat();
  },
};

async function lookAt(folder: string, maxBytes: number): Promise<Observation[]> {
  const names = await list(folder);
  const bytes = await storedBytes(folder);
  const used = `the journal ${folder} holds ${describeBytes(bytes)} of at most ${describeBytes(maxBytes)}`;
  const cure = 'see that InfluxDB takes samples (findings of series store), or raise journal.max_bytes; agents keep what is not taken';
  const damaged = names.filter((name) => name.includes('.bad'));
  return [
    bytes >= maxBytes * FULL
      ? failure(`${used}: it is full, and no sample is taken`, cure)
      : bytes >= maxBytes * FILLING
        ? warning(`${used}: InfluxDB has not taken samples for a while`, cure)
        : fine(used),
    ...damaged.map((name) =>
      warning(`${join(folder, name)} was found damaged and set aside`, 'check the disk (dmesg, smartctl -a); then delete that file'),
    ),
  ];
}

async function list(folder: string): Promise<string[]> {
  return readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
}
