import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

export interface PlainRefusalOptions {
  /** Pages move to https; what programs ask is refused, for they would go on speaking in clear. */
  readonly movesPages: boolean;
  /** Called for each request. */
  readonly onRefused: () => void;
}

const LIMIT_MS = 10_000;
const HOST = /^([A-Za-z0-9_.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(:\d{1,5})?$/;
const PROGRAMS = /^\/(api|mqtt|ws)(\/|\?|$)/;

/**
 * Answers those who speak HTTP without TLS where only TLS is spoken: a page is redirected (308, RFC 9110 section 15.4.9),
 * all else is told to use https (426, section 15.5.22). The result takes a connection.
 */
export function plainRefusal({ movesPages, onRefused }: PlainRefusalOptions): (socket: Socket) => void {
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    onRefused();
    const { host = '' } = request.headers;
    const path = request.url ?? '/';
    const isPage = movesPages && (request.method === 'GET' || request.method === 'HEAD') && !PROGRAMS.test(path);
    if (isPage && HOST.test(host) && path.startsWith('/')) {
      response.writeHead(308, { location: `https://${host}${path}`, connection: 'close', 'content-length': 0 }).end();
      return;
    }
    const body = JSON.stringify({ error: { code: 'tls-needed', message: sentence(request) } });
    const headers = { 'content-type': 'application/json; charset=utf-8', upgrade: 'TLS/1.2', connection: 'upgrade, close' };
    response.writeHead(426, { ...headers, 'content-length': Buffer.byteLength(body) }).end(body);
  };
  const server = createServer({ keepAlive: false, maxHeaderSize: 16 * 1024 }, answer);
  // What comes as an upgrade has no response of its own.
  server.on('upgrade', (_request, socket) => {
    onRefused();
    socket.end('HTTP/1.1 426 Upgrade Required\r\nUpgrade: TLS/1.2\r\nConnection: upgrade, close\r\nContent-Length: 0\r\n\r\n');
  });
  return (socket) => {
    const limit = setTimeout(() => socket.destroy(), LIMIT_MS);
    socket.once('close', () => clearTimeout(limit));
    server.emit('connection', socket);
  };
}

function sentence({ headers }: IncomingMessage): string {
  const use = 'This port speaks TLS to other machines: use https:// (or wss://).';
  if (headers.authorization === undefined && headers.cookie === undefined) return use;
  return `${use} What you sent as your credentials has crossed the network in clear: replace it with a new token or a new login.`;
}
