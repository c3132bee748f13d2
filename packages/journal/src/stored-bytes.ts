import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Bytes that the segments of a journal's folder hold, damaged ones included; 0 if there is no such folder. Opens and locks nothing. */
export async function storedBytes(folder: string): Promise<number> {
  const names = await readdir(folder).catch(() => []);
  const sizes = await Promise.all(
    names
      .filter((name) => /\.(seg|bad)/.test(name))
      .map((name) =>
        stat(join(folder, name)).then(
          ({ size }) => size,
          () => 0,
        ),
      ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
