import { X509Certificate } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { TlsError } from './tls-error.ts';

const BLOCK = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;

/** `what` names the file in the sentence of a TlsError. */
export function readPem(file: string, what: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const cure = code === 'EACCES' ? 'give the user that the server runs as the right to read it' : 'check the path';
    throw new TlsError('unreadable', `${what} ${file} cannot be read (${code}); ${cure}`, { cause });
  }
}

/** All certificates of a text, in its order. Throws TlsError if there is none, or one that cannot be parsed. */
export function parseCertificates(text: string, where: string): X509Certificate[] {
  const blocks = text.match(BLOCK) ?? [];
  if (blocks.length === 0) {
    throw new TlsError('unusable', `${where} holds no certificate; it must be PEM, with -----BEGIN CERTIFICATE-----`);
  }
  return blocks.map((block, index) => {
    try {
      return new X509Certificate(block);
    } catch (cause) {
      throw new TlsError('unusable', `${where}: certificate ${index + 1} in it cannot be read; get the file anew`, { cause });
    }
  });
}

/** Changes when the file does, also by another one that takes its name or by a link that points elsewhere. */
export function fileMark(file: string): string {
  const found = statSync(file, { throwIfNoEntry: false });
  return found === undefined ? '' : `${found.dev} ${found.ino} ${found.size} ${found.mtimeMs}`;
}

/** Puts a whole file in the place of what has its name. Throws what the file system says. */
export function replaceFile(file: string, text: string, mode: number): void {
  const temporary = `${file}.${process.pid}`;
  const descriptor = openSync(temporary, 'w', mode);
  try {
    writeFileSync(descriptor, text);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(temporary, file);
}
