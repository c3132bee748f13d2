import { connect, isIP, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { toAccessError } from './access-failure.ts';
import { ConnectionClock } from './connection-clock.ts';
import { AccessError, type DialAnswer, type DialAsk } from './host-access.ts';
import { peerCertificate } from './peer-certificate.ts';

/** Most bytes that are read. */
export const MAX_DIALED_BYTES = 64 * 1024;

/** What is dialled, as errors and dumps name it: `unix:/run/x.sock`, `tcp:example.org:25`, `tls:[2001:db8::1]:443`. */
export function dialTarget(ask: DialAsk): string {
  if ('socketPath' in ask) return `unix:${ask.socketPath}`;
  const host = ask.host.includes(':') ? `[${ask.host}]` : ask.host;
  const target = `${ask.tls === undefined ? 'tcp' : 'tls'}:${host}:${ask.port}`;
  return ask.tls?.servername === undefined ? target : `${target}/${ask.tls.servername}`;
}

/** What is read, in words. */
export function dialUntil({ until }: DialAsk): string {
  if (until === null) return 'nothing';
  const parts = [
    ...(until.bytes === undefined ? [] : [`${until.bytes} bytes`]),
    ...(until.match === undefined ? [] : [`text ${until.match}`]),
  ];
  return parts.length === 0 ? 'all' : parts.join(' or ');
}

/** Throws AccessError EINVAL if the ask is none that can be dialled. */
export function checkDial(ask: DialAsk): void {
  const what = dialTarget(ask);
  if ('socketPath' in ask) {
    if (!ask.socketPath.startsWith('/')) throw new AccessError('EINVAL', `${what}: the path of a socket is absolute`);
    return;
  }
  if (!/^[^\s/@#?]{1,253}$/.test(ask.host)) throw new AccessError('EINVAL', `${what}: that is no name and no address`);
  if (!Number.isInteger(ask.port) || ask.port < 1 || ask.port > 65_535) {
    throw new AccessError('EINVAL', `${what}: a port is a number from 1 to 65535`);
  }
}

/**
 * Dials, the socket being at `socketPath` here. If `signal` aborts, its reason is thrown, but that a peer with which there is
 * a connection said no more in time is an answer.
 */
export async function dialPeer(ask: DialAsk, socketPath: string | null, signal: AbortSignal): Promise<DialAnswer> {
  const tls = 'tls' in ask && ask.tls !== undefined ? await import('node:tls') : null;
  signal.throwIfAborted();
  const clock = new ConnectionClock();
  const socket = open(ask, socketPath, tls);
  clock.watch(socket);
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    let certificate: DialAnswer['certificate'];
    let ready = false;

    const stop = (): void => {
      signal.removeEventListener('abort', onAbort);
      socket.destroy();
    };
    const fail = (thrown: unknown): void => {
      stop();
      reject(toAccessError(thrown, dialTarget(ask)));
    };
    const finish = (ended: DialAnswer['ended'], bytes: Buffer = Buffer.concat(chunks)): void => {
      stop();
      resolve({ bytes, ended, timings: clock.timings, ...(certificate === undefined ? {} : { certificate }) });
    };
    const onAbort = (): void => {
      const reason: unknown = signal.reason;
      if (ready && reason instanceof AccessError && reason.code === 'timeout') finish('timeout');
      else fail(reason);
    };
    socket.on('error', fail);
    socket.once(tls === null ? 'connect' : 'secureConnect', () => {
      ready = true;
      if (tls !== null) certificate = peerCertificate(socket as TLSSocket);
      if (ask.bytes !== undefined) socket.write(ask.bytes);
      if (ask.until === null) finish('done');
    });
    socket.on('data', (chunk: Buffer) => {
      clock.firstByte();
      chunks.push(chunk);
      length += chunk.length;
      const end = endOf(ask, chunks, length);
      if (end !== null) finish('done', Buffer.concat(chunks).subarray(0, end));
      else if (length >= MAX_DIALED_BYTES) finish('full', Buffer.concat(chunks).subarray(0, MAX_DIALED_BYTES));
    });
    socket.once('end', () => finish('closed'));
    socket.once('close', () => finish('closed'));
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
}

function open(ask: DialAsk, socketPath: string | null, tls: typeof import('node:tls') | null): Socket {
  if (!('host' in ask)) return connect({ path: socketPath ?? ask.socketPath });
  const { host, port } = ask;
  if (tls === null) return connect({ host, port });
  const servername = ask.tls?.servername ?? (isIP(host) === 0 ? host : '');
  return tls.connect({ host, port, servername, rejectUnauthorized: false });
}

/** How many bytes were asked for, once they have come. */
function endOf({ until }: DialAsk, chunks: readonly Buffer[], length: number): number | null {
  const { bytes, match } = until ?? {};
  if (match !== undefined) {
    const at = Buffer.concat(chunks).indexOf(match);
    if (at >= 0) return at + Buffer.byteLength(match);
  }
  return bytes !== undefined && length >= bytes ? bytes : null;
}
