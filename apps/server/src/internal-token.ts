import { closeSync, fsyncSync, linkSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { randomSecret } from '@hostwire/registry';
import { ConfigError } from '@hostwire/service';

const TOKEN = /^hwi_[A-Za-z0-9_-]{43}$/;

/**
 * The secret by which the server's processes on one data directory know each other: the password of `hostwire-server` at
 * the embedded broker, and a token for all at the InfluxDB port. Made when it is first asked for, in `internal.token`
 * (0600). Throws ConfigError if the file holds something else.
 */
export function internalToken(dataDir: string): string {
  const file = join(dataDir, 'internal.token');
  const token = read(file) ?? make(file);
  if (TOKEN.test(token)) return token;
  throw new ConfigError(file, [
    { key: 'the file', allowed: 'holds no token; remove it and start all processes of this data directory again' },
  ]);
}

/** That secret if it was made; null if not. Throws what the file system says. */
export function readInternalToken(dataDir: string): string | null {
  const token = read(join(dataDir, 'internal.token'));
  return token !== null && TOKEN.test(token) ? token : null;
}

function read(file: string): string | null {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** Of several processes that start at once the first gives the file its name, complete, and the others read it. */
function make(file: string): string {
  const temporary = `${file}.${process.pid}.${randomSecret().slice(0, 8)}`;
  try {
    const descriptor = openSync(temporary, 'wx', 0o600);
    try {
      writeFileSync(descriptor, `hwi_${randomSecret()}\n`);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    linkSync(temporary, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(temporary, { force: true });
  }
  return readFileSync(file, 'utf8').trim();
}
