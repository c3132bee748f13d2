import type { Socket } from 'node:net';
import { createServer, type SecureContextOptions, type Server, type TLSSocket } from 'node:tls';
import type { ShownCertificate } from './connection.ts';
import type { BrokerLimits } from './limits.ts';

/** Where and with which certificates MQTT over TLS is served. */
export interface SecurePort {
  readonly host: string;
  /** 0 chooses a free one. */
  readonly port: number;
  readonly context: () => SecureContextOptions;
  /** Tells that `context` gives new certificates: connections made from then on get them. The result removes the listener. */
  readonly onChange: (listener: () => void) => () => void;
  /** Whether hosts may, or must, show a certificate. */
  readonly clientCertificates: 'off' | 'accept' | 'require';
}

export interface SecureServer {
  readonly server: Server;
  /** Ends the connections that have not finished their handshake. */
  close(): void;
}

/**
 * A server for MQTT over TLS, not listening yet. Connections in their handshake are bounded as those that have not said
 * who they are: the oldest makes room.
 */
export function secureServer(
  { context, onChange, clientCertificates }: SecurePort,
  {
    limits,
    accept,
    refused,
  }: {
    readonly limits: Pick<BrokerLimits, 'connectTimeoutMs' | 'maxPending'>;
    readonly accept: (socket: TLSSocket) => void;
    /** Called for each connection that never came to speak MQTT. */
    readonly refused: (reason: 'tls' | 'too-many-connections', address: string, error?: Error) => void;
  },
): SecureServer {
  const handshaking = new Map<string, Socket>();
  const server = createServer({
    ...context(),
    handshakeTimeout: limits.connectTimeoutMs,
    requestCert: clientCertificates !== 'off',
    // Who shows none, or a wrong one, is refused at CONNECT, as are wrong credentials.
    rejectUnauthorized: false,
  });
  const forget = onChange(() => server.setSecureContext(context()));
  // Before the library's own: it takes the socket's handle away.
  server.prependListener('connection', (socket: Socket) => {
    const [oldest] = handshaking.size >= limits.maxPending ? handshaking.values() : [];
    if (oldest !== undefined) {
      handshaking.delete(endOf(oldest));
      refused('too-many-connections', oldest.remoteAddress ?? 'unknown');
      oldest.destroy();
    }
    const end = endOf(socket);
    handshaking.set(end, socket);
    socket.once('close', () => {
      if (handshaking.get(end) === socket) handshaking.delete(end);
    });
  });
  server.on('secureConnection', (socket) => {
    handshaking.delete(endOf(socket));
    accept(socket);
  });
  server.on('tlsClientError', (error, socket) => {
    refused('tls', socket.remoteAddress ?? 'unknown', error);
    socket.destroy();
  });
  return {
    server,
    close() {
      forget();
      for (const socket of handshaking.values()) socket.destroy();
    },
  };
}

/** Null: the client showed none. */
export function shownCertificate(socket: TLSSocket): ShownCertificate | null {
  const { subject, serialNumber } = socket.getPeerCertificate();
  if (serialNumber === undefined) return null;
  const { CN: commonName } = subject as { readonly CN?: string | string[] };
  return { commonName: typeof commonName === 'string' ? commonName : '', serial: serialNumber.toLowerCase(), isTrusted: socket.authorized };
}

/** Names a connection while it stands. */
function endOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
