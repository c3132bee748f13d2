import { execFile } from 'node:child_process';
import { findCommand } from '@hostwire/testkit';

export interface Handshake {
  /** With -verify_return_error also that the certificate is trusted. */
  readonly ok: boolean;
  readonly protocol: string;
  readonly cipher: string;
  /** All that the program printed. */
  readonly text: string;
}

/** `openssl s_client` to a port: `args` are its options, `input` what it is given to send. */
export async function connectOpenssl(port: number, args: readonly string[], input = ''): Promise<Handshake> {
  const text = await run(['s_client', '-connect', `127.0.0.1:${port}`, ...args], input);
  const [, protocol = '', cipher = ''] = /New, (\S+), Cipher is (\S+)/.exec(text) ?? [];
  const isTrusted = !args.includes('-verify_return_error') || text.includes('Verification: OK');
  return { ok: cipher !== '' && cipher !== '(NONE)' && isTrusted, protocol, cipher, text };
}

/** The names of the suites that this OpenSSL knows up to TLS 1.2, also those that are switched off by default. */
export async function knownCiphers(): Promise<string[]> {
  const text = await run(['ciphers', '-tls1_2', 'ALL:COMPLEMENTOFALL:@SECLEVEL=0']);
  return text
    .trim()
    .split(':')
    .filter((name) => !name.startsWith('TLS_'));
}

export function run(args: readonly string[], input = ''): Promise<string> {
  return new Promise((done) => {
    const child = execFile(findCommand('openssl') ?? 'openssl', args, { timeout: 10_000 }, (_error, out, err) => done(`${out}\n${err}`));
    // It may end before it has read anything.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
  });
}
