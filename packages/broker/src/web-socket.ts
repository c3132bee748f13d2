import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { createWebSocketStream, type WebSocket, WebSocketServer } from 'ws';

export type Upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

/** Takes upgrades to MQTT over WebSocket (MQTT 3.1.1 section 6: subprotocol `mqtt`, binary frames). */
export function webSocketUpgrade(
  maxPayload: number,
  onStream: (stream: Duplex, request: IncomingMessage) => void,
): { upgrade: Upgrade; close(): void } {
  const server = new WebSocketServer({
    noServer: true,
    maxPayload,
    // Each piece of a message is an object: a stranger would pay 7 bytes for more than 100.
    maxFragments: 512,
    perMessageDeflate: false,
    handleProtocols: (protocols) => [...protocols].find((name) => name === 'mqtt' || name === 'mqttv3.1') ?? false,
  });
  return {
    upgrade(request, socket, head) {
      server.handleUpgrade(request, socket, head, (webSocket: WebSocket) => {
        onStream(inWholes(createWebSocketStream(webSocket)), request);
      });
    },
    close: () => {
      server.close();
    },
  };
}

/**
 * What was gathered goes as one message. Piece by piece each of a packet's bytes would be one, and those that wait their turn
 * would be lost when the broker ends the connection: with TLS the reason why it refuses.
 */
function inWholes(stream: Duplex): Duplex {
  stream._writev = (pieces, done) => {
    stream._write(Buffer.concat(pieces.map(({ chunk }) => chunk as Buffer)), 'buffer' as BufferEncoding, done);
  };
  return stream;
}

/**
 * Gives upgrades of `path` to `upgrade` and all others to whom they went before. Call it when all other parts that take
 * upgrades of this server have been attached.
 */
export function attachUpgrade(server: Server, path: string, upgrade: Upgrade): void {
  const others = server.listeners('upgrade') as Upgrade[];
  server.removeAllListeners('upgrade');
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const [asked] = (request.url ?? '').split('?');
    if (asked === path) upgrade(request, socket, head);
    else if (others.length === 0) socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n');
    else for (const other of others) other.call(server, request, socket, head);
  });
}
