import { createHash, X509Certificate } from 'node:crypto';
import { connect as connectPlain, isIP, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { EnrollError } from './enroll-error.ts';
import type { ServerAddress } from './server-address.ts';

const CONNECT_MS = 15_000;

const NETWORK: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there; is the server running, and does it listen for other hosts (--listen)?',
  ENOTFOUND: 'the name is not known; check it and the DNS of this host',
  EAI_AGAIN: 'the name could not be looked up; check the DNS of this host',
  ETIMEDOUT: 'no answer; check the address, the network and the firewall',
  EHOSTUNREACH: 'no route to the host; check the address and the network',
  ENETUNREACH: 'no route to the network; check the address and the network',
  ECONNRESET: 'the connection was reset',
  EPIPE: 'the connection was reset',
};

/**
 * A connection to the server, on which nothing was sent yet that is above TLS: its certificate has the pinned key, or an
 * authority of this system vouches for its name. Throws EnrollError `untrusted` or `failed`.
 */
export async function connectTo(server: ServerAddress, now = Date.now()): Promise<Socket> {
  const { secure, host, port } = server;
  const socket = secure
    ? connectTls({
        host,
        port,
        ...(isIP(host) === 0 ? { servername: host } : {}),
        minVersion: 'TLSv1.2',
        ALPNProtocols: ['http/1.1'],
        // With a pin it is checked here, before anything is written.
        rejectUnauthorized: server.pin === null,
      })
    : connectPlain({ host, port });
  try {
    await established(socket, secure ? 'secureConnect' : 'connect');
    if (secure) checkCertificate(socket as TLSSocket, server, now);
    return socket;
  } catch (error) {
    socket.destroy();
    throw error instanceof EnrollError ? error : connectFailure(error, server);
  }
}

async function established(socket: Socket, event: 'connect' | 'secureConnect'): Promise<void> {
  await new Promise<void>((done, fail) => {
    const timer = setTimeout(() => fail(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' })), CONNECT_MS);
    socket.once(event, () => {
      clearTimeout(timer);
      done();
    });
    socket.once('error', (error) => {
      clearTimeout(timer);
      fail(error);
    });
    socket.once('close', () => {
      clearTimeout(timer);
      fail(Object.assign(new Error('closed'), { code: 'ECONNRESET' }));
    });
  });
}

function checkCertificate(socket: TLSSocket, { authority, pin }: ServerAddress, now: number): void {
  if (pin === null) return;
  const raw = socket.getPeerX509Certificate()?.raw;
  if (raw === undefined) throw new EnrollError('untrusted', `${authority} showed no certificate; is it a Hostwire server?`);
  const certificate = new X509Certificate(raw);
  // RFC 7469 section 2.4.
  const key = createHash('sha256')
    .update(certificate.publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64');
  if (key !== pin) {
    throw new EnrollError(
      'untrusted',
      `${authority} is not the server that the pin names: its key is sha256//${key}. Nothing was sent to it. Look whether the address is right; if the server got a new key, take a new command from it (hostwire enroll)`,
    );
  }
  // Enrolling would work; the agent, which checks these too, would then not connect.
  if (Date.parse(certificate.validFrom) > now) throw clockFailure(authority, `begins only on ${day(certificate.validFrom)}`, now);
  if (Date.parse(certificate.validTo) < now) throw clockFailure(authority, `ended on ${day(certificate.validTo)}`, now);
}

function clockFailure(authority: string, what: string, now: number, cause?: unknown): EnrollError {
  return new EnrollError(
    'untrusted',
    `the certificate of ${authority} ${what}, and the clock of this host says ${day(now)}: set the clock (timedatectl set-ntp true) if it is wrong, else renew the certificate on the server. The code was not used`,
    { cause },
  );
}

function day(time: string | number): string {
  return new Date(time).toISOString().slice(0, 10);
}

/** What an error before the first byte of HTTP means. */
export function connectFailure(error: unknown, { authority, secure }: ServerAddress): EnrollError {
  // With several addresses for one name Node reports all failures together (RFC 8305).
  const inner = error instanceof AggregateError ? (error.errors as unknown[])[0] : error;
  const { code = '', message } = inner as NodeJS.ErrnoException;
  if (code === 'CERT_NOT_YET_VALID') return clockFailure(authority, 'is not valid yet', Date.now(), error);
  if (code === 'CERT_HAS_EXPIRED') return clockFailure(authority, 'has expired', Date.now(), error);
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return new EnrollError(
      'untrusted',
      `the certificate of ${authority} is for another name: use the address that the server prints (hostwire enroll), or add this name to tls.names on the server`,
      { cause: error },
    );
  }
  if (/SIGNED|UNABLE_TO|CERT_|SELF_SIGNED/.test(code)) {
    return new EnrollError(
      'untrusted',
      `no authority that this host knows vouches for the certificate of ${authority} (${code}): give --pin as the command that the server printed does. Nothing was sent to it`,
      { cause: error },
    );
  }
  if (
    secure &&
    (/^ERR_SSL|^EPROTO/.test(code) || (code === 'ECONNRESET' && !(inner as NodeJS.ErrnoException).syscall?.includes('connect')))
  ) {
    return new EnrollError(
      'untrusted',
      `${authority} does not speak TLS on this port, or not as this host needs it (1.2 and up): check the port, and use the address that the server prints (hostwire enroll)`,
      { cause: error },
    );
  }
  const what = NETWORK[code] ?? (code === '' ? message : `${code}: ${message}`);
  return new EnrollError('failed', `${authority} cannot be reached: ${what}`, { cause: error, isPassing: true });
}
