import { constants, existsSync } from 'node:fs';
import { type FileHandle, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Of a checkout, or of what an archive of the server unpacks: the same path from src and from dist. */
const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
/** Nothing else is served, whatever lies in the folder. */
const SERVED = /^(?:hostwire-agent-[0-9A-Za-z.+-]{1,64}-linux-(?:x64|arm64)\.tar\.gz|SHA256SUMS)$/;

export interface OpenFile {
  readonly handle: FileHandle;
  readonly size: number;
}

/** The files that a host which enrols gets from this server: the installation script, archives of the agent, their checksums. */
export class Downloads {
  readonly #folder: string;
  readonly #root: string;

  /** `folder` undefined: `downloads` in a package, `dist/package` in a checkout. */
  constructor(folder: string | undefined, root = ROOT) {
    this.#root = root;
    const packaged = join(root, 'downloads');
    this.#folder = folder ?? (existsSync(packaged) ? packaged : join(root, 'dist', 'package'));
  }

  /** Names that can be asked for now, sorted. */
  async names(): Promise<string[]> {
    const names = await readdir(this.#folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return [];
      throw error;
    });
    return names.filter((name) => SERVED.test(name)).sort();
  }

  /** Whether there is an agent to install. */
  async hasAgent(): Promise<boolean> {
    return (await this.names()).some((name) => name !== 'SHA256SUMS');
  }

  /** Opens one of these, to be closed by who asked; null if there is none of that name. */
  async open(name: string): Promise<OpenFile | null> {
    return SERVED.test(name) ? openFile(join(this.#folder, name)) : null;
  }

  /** Opens the script: a checkout's own goes before one that lies in the folder. */
  async openScript(): Promise<OpenFile | null> {
    return (await openFile(join(this.#root, 'infra', 'install.sh'))) ?? openFile(join(this.#folder, 'install.sh'));
  }
}

/** Null if it is no file: not there, a link, a folder. */
async function openFile(path: string): Promise<OpenFile | null> {
  let handle: FileHandle;
  try {
    // A pipe would keep who opens it waiting.
    handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO'].includes(String((error as NodeJS.ErrnoException).code))) return null;
    throw error;
  }
  const stats = await handle.stat();
  if (stats.isFile()) return { handle, size: stats.size };
  await handle.close();
  return null;
}
