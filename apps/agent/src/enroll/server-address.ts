import { isIP } from 'node:net';
import { UsageError } from '../cli.ts';

/** A server to enrol with. */
export interface ServerAddress {
  readonly secure: boolean;
  /** A name or an address, without brackets. */
  readonly host: string;
  readonly port: number;
  /** As it is shown and sent as Host. */
  readonly authority: string;
  /** Of its certificate's public key, in base64; null: the system's CAs must know it. */
  readonly pin: string | null;
}

const PIN = /^(?:sha256\/\/)?([A-Za-z0-9+/]{43}=)$/;

/** What --server, --pin and --allow-plain say. Throws UsageError. */
export function parseServer(server: string, pin: string | undefined, allowPlain: boolean): ServerAddress {
  const url = URL.canParse(server) ? new URL(server) : null;
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:') || url.hostname === '') {
    throw new UsageError(`--server ${JSON.stringify(server)} is not the address of a server, such as https://hostwire.example:8080`);
  }
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '' || url.pathname !== '/') {
    throw new UsageError(`--server has more than https://, a host and a port; give ${url.origin}`);
  }
  const secure = url.protocol === 'https:';
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  if (pin !== undefined && !PIN.test(pin)) {
    throw new UsageError("--pin is not sha256// and 44 characters of base64; copy the whole command that the server printed, with its ' '");
  }
  if (!secure && pin !== undefined) throw new UsageError('--pin is for https://; an http:// server has no certificate to check');
  if (!secure && !allowPlain && !isLoopback(host)) {
    throw new UsageError(
      `--server ${url.origin} is without TLS: everybody on the way could read this host's token. Use the https:// address that the server prints, or give --allow-plain in a network that you trust`,
    );
  }
  const port = url.port === '' ? (secure ? 443 : 80) : Number(url.port);
  return { secure, host, port, authority: url.host, pin: pin === undefined ? null : (PIN.exec(pin)?.[1] ?? null) };
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}
