import { randomBytes } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import { access, lstat, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { replaceToml } from '@hostwire/service';
import { EnrollError } from './enroll-error.ts';
import type { Enrolled } from './exchange.ts';

/** The agent's configuration file, looked at before a code is spent on what could not be written down. */
export interface AgentFiles {
  readonly file: string;
  readonly caFile: string;
  /** The text as it is; empty: there is no file. */
  readonly text: string;
  readonly owner: { readonly uid: number; readonly gid: number } | null;
}

/** Throws EnrollError `failed` if the file could not be written, ConfigError if what is there is not TOML. */
export async function prepareFiles(file: string): Promise<AgentFiles> {
  const folder = dirname(file);
  try {
    await makeFolder(folder);
    await access(folder, constants.W_OK | constants.X_OK);
    const before = await lstat(file).catch(absent);
    if (before !== null && !before.isFile()) {
      const what = before.isSymbolicLink() ? 'is a symbolic link; give --config the file that it points to' : 'is no file';
      throw new EnrollError('failed', `${file} ${what}`);
    }
    const text = before === null ? '' : await readFile(file, 'utf8');
    // So that what is there already cannot make the agent fail after the code was used.
    replaceToml(text, file, {});
    return { file, caFile: join(folder, 'ca.pem'), text, owner: ownerFor(before, await stat(folder)) };
  } catch (error) {
    throw fileFailure(error, file);
  }
}

/** With all folders above it. Not by mkdir's `recursive`: below /proc, where mkdir(2) says ENOENT, Node tries for ever. */
async function makeFolder(folder: string): Promise<void> {
  if ((await stat(folder).catch(absent)) !== null) return;
  if (dirname(folder) !== folder) await makeFolder(dirname(folder));
  await mkdir(folder, { mode: 0o755 });
}

/** Root writes for whom the agent runs as: the owner of the file, else of its folder. Null: whoever writes. */
function ownerFor(before: Stats | null, folder: Stats): AgentFiles['owner'] {
  if (process.getuid?.() !== 0) return null;
  const { uid, gid } = before ?? folder;
  return { uid, gid };
}

/**
 * Writes the CA beside the configuration and then the configuration itself (0600), each at once under its name; of what was
 * there only the connection is replaced. Throws EnrollError `failed`.
 */
export async function writeFiles({ file, caFile, text, owner }: AgentFiles, enrolled: Enrolled): Promise<void> {
  const { host, token, mqtt_url: url, topic_root: root, ca_pem: ca, ca_fingerprint: fingerprint, server_key: key } = enrolled;
  try {
    if (ca !== null) await replaceFile(caFile, ca, 0o644, owner);
    const tls = ca === null ? undefined : { ca: caFile, ...(fingerprint === null ? {} : { ca_fingerprint: fingerprint }) };
    const connection = { server_url: url, host_id: host, token, token_file: undefined, server_key: key, topic_root: root, tls };
    const start = text === '' ? '# Written by hostwire-agent enroll; docs/reference/configuration.md lists every key.\n' : text;
    await replaceFile(file, replaceToml(start, file, connection), 0o600, owner);
  } catch (error) {
    throw fileFailure(error, file, `this host is enrolled as ${host}, but its configuration could not be written`);
  }
}

/** A new file by name: readers see the old or the new one whole, and a link that somebody put there is replaced, not followed. */
async function replaceFile(file: string, text: string, mode: number, owner: AgentFiles['owner']): Promise<void> {
  const temporary = join(dirname(file), `.${basename(file)}.${randomBytes(8).toString('hex')}`);
  // 0600 until it is whole and has its owner, whatever the umask.
  const handle = await open(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600);
  try {
    await handle.writeFile(text);
    if (owner !== null) await handle.chown(owner.uid, owner.gid);
    await handle.chmod(mode);
    await handle.sync();
    await handle.close();
    await rename(temporary, file);
  } catch (error) {
    await handle.close().catch(() => undefined);
    await rm(temporary, { force: true });
    throw error;
  }
}

function fileFailure(error: unknown, file: string, prefix = 'nothing was sent to the server'): unknown {
  if (!(error instanceof Error) || !('syscall' in error)) return error;
  const { code } = error as NodeJS.ErrnoException;
  const cure = code === 'EACCES' || code === 'EPERM' || code === 'EROFS' ? '; run it as root, or choose another file with --config' : '';
  return new EnrollError('failed', `${file} cannot be written (${code})${cure}: ${prefix}`, { cause: error });
}

function absent(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT') return null;
  throw error;
}
