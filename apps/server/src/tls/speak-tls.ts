import type { Server as HttpServer } from 'node:http';
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import type { Tls } from '@hostwire/certificates';
import type { Counters } from '@hostwire/model';
import { isLoopback, reachable } from '../kept-address.ts';
import { plainRefusal } from './plain-refusal.ts';

export interface SpeakTlsOptions {
  readonly tls: Tls;
  /** Names the port in the counters. */
  readonly port: string;
  /** Also to other machines without TLS. */
  readonly allowPlain: boolean;
  /** See PlainRefusalOptions. */
  readonly movesPages: boolean;
  /** Clients may show certificates. */
  readonly asksClients?: boolean;
  /** Connections that have not begun to speak HTTP: one more takes the place of the oldest. Default 2000. */
  readonly maxOpening?: number;
  readonly counters: Counters;
}

/** RFC 8446 section 5.1: the type of a record that holds a handshake message, with which every TLS connection begins. */
const HANDSHAKE = 0x16;
const FIRST_BYTE_MS = 30_000;
const HANDSHAKE_MS = 10_000;
const MAX_OPENING = 2000;

/**
 * Makes an HTTP server speak TLS too, on one port: the first byte of a connection tells. Without TLS it serves this machine
 * alone, unless plain transport is allowed; others are told to use TLS. To be called before it listens. New connections
 * get new certificates, those that stand are left alone. The result ends all connections: a server waits for those that it
 * does not know of when it closes.
 */
export function speakTls(server: HttpServer, options: SpeakTlsOptions): () => void {
  const { tls, port, allowPlain, movesPages, asksClients = false, maxOpening = MAX_OPENING, counters } = options;
  const count = (name: string): void => counters.add(`${name}{port="${port}"}`);
  const serve = server.listeners('connection') as ((socket: Socket) => void)[];
  server.removeAllListeners('connection');
  const secured = createTlsServer({
    ...tls.context(),
    handshakeTimeout: HANDSHAKE_MS,
    ALPNProtocols: ['http/1.1'],
    requestCert: asksClients,
    // Who shows none, or a wrong one, is told apart where it matters.
    rejectUnauthorized: false,
  });
  const forget = tls.onChange(() => secured.setSecureContext(tls.context()));
  const refuse = plainRefusal({ movesPages, onRefused: () => count('plain_refused') });
  const sockets = new Set<Socket>();
  const opening = new Map<string, Socket>();
  let isClosed = false;
  secured.on('secureConnection', (socket) => {
    count('connections');
    opening.delete(endOf(socket));
    for (const listener of serve) listener.call(server, socket);
  });
  secured.on('tlsClientError', (_error, socket) => {
    count('handshakes_failed');
    socket.destroy();
  });

  server.on('connection', (socket: Socket) => {
    if (isClosed) {
      socket.destroy();
      return;
    }
    const limit = setTimeout(() => socket.destroy(), FIRST_BYTE_MS);
    const ignore = (): void => undefined;
    const [oldest] = opening.size >= maxOpening ? opening : [];
    if (oldest !== undefined) {
      opening.delete(oldest[0]);
      oldest[1].destroy();
      count('too_many_opening');
    }
    // Of the TLS connection over it too, and gone once the socket is closed.
    const end = endOf(socket);
    opening.set(end, socket);
    sockets.add(socket);
    socket.on('error', ignore);
    socket.once('close', () => {
      clearTimeout(limit);
      sockets.delete(socket);
      if (opening.get(end) === socket) opening.delete(end);
    });
    socket.once('data', (bytes: Buffer) => {
      clearTimeout(limit);
      socket.pause();
      socket.unshift(bytes);
      if (bytes[0] === HANDSHAKE) {
        secured.emit('connection', socket);
        return;
      }
      opening.delete(end);
      if (allowPlain || isLoopback(socket.remoteAddress ?? '')) for (const listener of serve) listener.call(server, socket);
      else refuse(socket);
      socket.off('error', ignore);
      process.nextTick(() => socket.resume());
    });
  });

  return () => {
    forget();
    isClosed = true;
    for (const socket of sockets) socket.destroy();
  };
}

/** Names a connection while it stands. */
function endOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

/**
 * Serves the loopback too where `server` listens on one address of another interface: this machine's own programs reach it
 * there. Throws what `listen` does.
 */
export async function alsoOnLoopback(server: HttpServer, listen: string, port: number): Promise<() => void> {
  if (listen === '0.0.0.0' || listen === '::' || isLoopback(listen)) return () => undefined;
  const beside: Server = createServer({ allowHalfOpen: true }, (socket) => server.emit('connection', socket));
  await new Promise<void>((done, fail) => {
    beside.once('error', fail);
    beside.listen(port, reachable(listen), done);
  });
  return () => beside.close();
}
