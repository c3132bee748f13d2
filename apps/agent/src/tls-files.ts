import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { ConfigProblem } from '@hostwire/service';
import type { ClientTls } from '@hostwire/transport';
import Type, { type Static } from 'typebox';

/** `[tls]` of the configuration. Without `ca` the roots that Node.js knows are trusted. */
export const TlsSchema = Type.Object({
  ca: Type.Optional(Type.String({ minLength: 1 })),
  ca_fingerprint: Type.Optional(
    Type.String({ pattern: '^sha256:[0-9a-f]{64}$', allowed: 'sha256: and 64 hexadecimal digits in lower case, as the server shows it' }),
  ),
  cert: Type.Optional(Type.String({ minLength: 1 })),
  key: Type.Optional(Type.String({ minLength: 1 })),
});

export type TlsSettings = Static<typeof TlsSchema>;

/** Environment variables that go before the file. */
export const TLS_ENVIRONMENT = {
  HOSTWIRE_AGENT_TLS_CA: 'tls.ca',
  HOSTWIRE_AGENT_TLS_CA_FINGERPRINT: 'tls.ca_fingerprint',
  HOSTWIRE_AGENT_TLS_CERT: 'tls.cert',
  HOSTWIRE_AGENT_TLS_KEY: 'tls.key',
};

/** A problem with one of the settings; its message begins with the name of the key. */
class TlsFileError extends Error {
  override readonly name = 'TlsFileError';
  readonly code = 'tls-file';
  readonly problem: ConfigProblem;
  constructor(problem: ConfigProblem, options?: { cause?: unknown }) {
    super(`${problem.key} ${problem.value ?? ''}${problem.value === undefined ? '' : ' '}${problem.allowed}`, options);
    this.problem = problem;
  }
}

/** The texts of the files, as they are now. Throws an Error, one sentence, if one cannot be read or is not the expected one. */
export function readTls({ ca, ca_fingerprint: expected, cert, key }: TlsSettings): ClientTls {
  return {
    ...(ca === undefined ? {} : { ca: readCa(ca, expected) }),
    ...(cert === undefined || key === undefined ? {} : readPair(cert, key)),
  };
}

/** What is wrong with the settings and their files now. */
export function checkTls(tls: TlsSettings | undefined): ConfigProblem[] {
  if (tls === undefined) return [];
  const problems: ConfigProblem[] = [];
  if (tls.ca_fingerprint !== undefined && tls.ca === undefined) {
    problems.push({ key: 'tls.ca', allowed: 'is missing; tls.ca_fingerprint needs the file of that CA' });
  }
  if (tls.cert !== undefined && tls.key === undefined) problems.push({ key: 'tls.key', allowed: 'is missing; tls.cert needs its key' });
  if (tls.key !== undefined && tls.cert === undefined)
    problems.push({ key: 'tls.cert', allowed: 'is missing; tls.key needs its certificate' });
  try {
    readTls(tls);
  } catch (error) {
    if (!(error instanceof TlsFileError)) throw error;
    problems.push(error.problem);
  }
  return problems;
}

/** SHA-256 of the first certificate of a PEM text, as `sha256:` and hex. Throws if there is none. */
export function caFingerprint(pem: string): string {
  return `sha256:${createHash('sha256').update(new X509Certificate(pem).raw).digest('hex')}`;
}

function readCa(file: string, expected: string | undefined): string {
  const pem = read('tls.ca', file);
  let found: string;
  try {
    found = caFingerprint(pem);
  } catch (cause) {
    throw wrong('tls.ca', file, 'holds no certificate; enrol this host again, or put the CA of the server there, PEM', cause);
  }
  if (expected !== undefined && found !== expected) {
    throw wrong(
      'tls.ca',
      file,
      `is not the CA of this server: its fingerprint is ${found}, not ${expected} as tls.ca_fingerprint says; enrol this host again`,
    );
  }
  return pem;
}

function readPair(certFile: string, keyFile: string): { cert: string; key: string } {
  const [cert, key] = [read('tls.cert', certFile), read('tls.key', keyFile)];
  let fits: boolean;
  try {
    fits = new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
  } catch (cause) {
    throw wrong(
      'tls.cert',
      certFile,
      `or tls.key ${JSON.stringify(keyFile)} cannot be used: they must be PEM, the key without a passphrase`,
      cause,
    );
  }
  if (!fits) throw wrong('tls.key', keyFile, 'is not the key of tls.cert');
  return { cert, key };
}

function read(key: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw wrong(
      key,
      file,
      `cannot be read (${(cause as NodeJS.ErrnoException).code}); check the path, and that the agent's user may read it`,
      cause,
    );
  }
}

function wrong(key: string, file: string, allowed: string, cause?: unknown): TlsFileError {
  return new TlsFileError({ key, value: JSON.stringify(file), allowed }, { cause });
}
