import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { failure, fine, type Observation, warning } from './finding.ts';
import { describeBytes } from './units.ts';

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;
/** Less than that and the next hour may fill it. */
const SCARCE_BYTES = 64 * MIB;
const SCARCE_INODES = 256;

/**
 * The room of the file system that has `folder`, or will have it. `reserve`: bytes that are to stay free; default the
 * smaller of 1 GiB and a tenth of it. `what` names what is kept there: `the series store`.
 */
export async function lookAtRoom(
  folder: string,
  what: string,
  { reserve, cure }: { reserve?: number | undefined; cure: string },
): Promise<Observation> {
  const { bavail, bsize, blocks, files, ffree } = await statfs(await existing(folder));
  const [free, total] = [bavail * bsize, blocks * bsize];
  const wanted = reserve ?? Math.min(GIB, Math.floor(total / 10));
  const room = `${describeBytes(free)} of ${describeBytes(total)} are free where ${what} is (${folder})`;
  // Some file systems have no fixed number of files, and say 0.
  if (files > 0 && ffree < SCARCE_INODES) return failure(`no more than ${ffree} files can be made where ${what} is (${folder})`, cure);
  if (free < Math.min(SCARCE_BYTES, total / 50)) return failure(`the disk is full: ${room}`, cure);
  if (free < wanted) return warning(`the disk is nearly full: ${room}, and ${describeBytes(wanted)} are to stay so`, cure);
  return fine(room);
}

async function existing(folder: string): Promise<string> {
  for (let at = folder; ; at = dirname(at)) {
    const found = await statfs(at).then(
      () => true,
      (error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT' || dirname(at) === at) throw error;
        return false;
      },
    );
    if (found) return at;
  }
}
