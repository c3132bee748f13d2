import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';

/** What is wrong with a key file; the message is the end of a sentence that begins with its name. */
export class KeyFileError extends Error {
  override readonly name = 'KeyFileError';
}

/** The text of a private key. Throws KeyFileError if the file cannot be read, others may read it, or it is no key without a passphrase. */
export async function readPrivateKey(file: string): Promise<string> {
  return readKey(file, (await loadSsh2()).utils);
}

/** A function that says what is wrong with a key file, as the end of a sentence; null: nothing. */
export async function keyChecker(): Promise<(file: string) => string | null> {
  const { utils } = await loadSsh2();
  return (file) => {
    try {
      readKey(file, utils);
      return null;
    } catch (error) {
      if (error instanceof KeyFileError) return error.message;
      throw error;
    }
  };
}

function readKey(file: string, { parseKey }: Pick<typeof import('ssh2')['utils'], 'parseKey'>): string {
  let text: string;
  let mode: number;
  try {
    const fd = openSync(file, 'r');
    try {
      mode = fstatSync(fd).mode;
      text = readFileSync(fd, 'utf8');
    } finally {
      closeSync(fd);
    }
  } catch (cause) {
    throw new KeyFileError(`cannot be read: ${(cause as Error).message}`, { cause });
  }
  if ((mode & 0o077) !== 0) throw new KeyFileError(`may be read by others; chmod 600 ${file}`);
  const parsed = parseKey(text);
  if (parsed instanceof Error) {
    if (/encrypted|passphrase/i.test(parsed.message)) {
      throw new KeyFileError(
        'has a passphrase, which nobody is there to type; make a key of its own for this: ssh-keygen -t ed25519 -N ""',
      );
    }
    throw new KeyFileError(`is no private key that can be used: ${parsed.message}`);
  }
  if (!(Array.isArray(parsed) ? parsed : [parsed]).some((key) => key.isPrivateKey()))
    throw new KeyFileError('is a public key; name the private one');
  return text;
}

/** The library, loaded by the first who needs it: an agent without remotes never does. */
export async function loadSsh2(): Promise<typeof import('ssh2')> {
  const loaded = await import('ssh2');
  // A module of CommonJS is the default of what is imported.
  return (loaded as { readonly default?: typeof import('ssh2') }).default ?? loaded;
}
