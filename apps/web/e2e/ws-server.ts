import { createHash } from 'node:crypto';
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';

/** A WebSocket of the fixture server: text frames out, the client's text frames in (RFC 6455, unfragmented). */
export interface FixtureSocket {
  send(value: unknown): void;
  close(): void;
}

/** Answers upgrades on `/ws`. `opened` gets each socket; `told` each message of a client. */
export function acceptSockets(
  server: Server,
  opened: (socket: FixtureSocket) => void,
  told: (socket: FixtureSocket, text: string) => void,
): () => void {
  const streams = new Set<Duplex>();
  server.on('upgrade', (request: IncomingMessage, stream: Duplex) => {
    const key = request.headers['sec-websocket-key'];
    if (request.url !== '/ws' || key === undefined) {
      stream.destroy();
      return;
    }
    // RFC 6455, 4.2.2: the GUID is the protocol's own.
    const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
    stream.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    streams.add(stream);
    const socket: FixtureSocket = {
      send: (value) => stream.writable && stream.write(frame(Buffer.from(JSON.stringify(value)))),
      close: () => stream.destroy(),
    };
    let rest = Buffer.alloc(0);
    stream.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      for (;;) {
        const taken = take(rest);
        if (taken === null) return;
        rest = rest.subarray(taken.length);
        if (taken.opcode === 8) stream.destroy();
        else if (taken.opcode === 1) told(socket, taken.text);
      }
    });
    stream.on('error', () => stream.destroy());
    stream.on('close', () => streams.delete(stream));
    opened(socket);
  });
  return () => {
    for (const stream of streams) stream.destroy();
  };
}

function frame(payload: Buffer): Buffer {
  const { length } = payload;
  const head = Buffer.alloc(length < 126 ? 2 : length < 65_536 ? 4 : 10);
  head[0] = 0x81;
  if (length < 126) head[1] = length;
  else if (length < 65_536) {
    head[1] = 126;
    head.writeUInt16BE(length, 2);
  } else {
    head[1] = 127;
    head.writeBigUInt64BE(BigInt(length), 2);
  }
  return Buffer.concat([head, payload]);
}

function take(bytes: Buffer): { opcode: number; text: string; length: number } | null {
  if (bytes.length < 6) return null;
  const short = (bytes[1] ?? 0) & 0x7f;
  const start = short === 126 ? 4 : 2;
  const size = short === 126 ? bytes.readUInt16BE(2) : short;
  const length = start + 4 + size;
  if (bytes.length < length) return null;
  const mask = bytes.subarray(start, start + 4);
  const payload = bytes.subarray(start + 4, length).map((byte, index) => byte ^ (mask[index % 4] ?? 0));
  return { opcode: (bytes[0] ?? 0) & 0x0f, text: Buffer.from(payload).toString('utf8'), length };
}
