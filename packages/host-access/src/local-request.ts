import { type ClientRequest, type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { toAccessError } from './access-failure.ts';
import { ConnectionClock } from './connection-clock.ts';
import { AccessError, type HttpAnswer, type HttpAsk, type HttpTimings } from './host-access.ts';
import { keepJson } from './keep-json.ts';

/** Most bytes of a body. */
export const MAX_BODY_BYTES = 4 * 1024 * 1024;

/** What a request goes to, as errors and dumps name it: `unix:/run/docker.sock`, `http://127.0.0.1:8080`; never with a password. */
export function targetOf(ask: HttpAsk): string {
  return 'socketPath' in ask ? `unix:${ask.socketPath}` : ask.url.replace(/\/\/[^/]*@/, '//');
}

/** What is asked for there, as errors and dumps name it. */
export function shownPath({ path, confidential = false }: HttpAsk): string {
  return confidential ? path.replace(/[?#].*$/s, '?...') : path;
}

/** Throws AccessError EINVAL if the ask is none that can be sent, or would carry a password. */
export function checkAsk(ask: HttpAsk): void {
  const what = `${targetOf(ask)} ${shownPath(ask)}`;
  if (!/^\/[!-~]*$/.test(ask.path)) throw new AccessError('EINVAL', `${what}: a path begins with / and holds no blanks`);
  if ('socketPath' in ask) {
    if (!ask.socketPath.startsWith('/')) throw new AccessError('EINVAL', `${what}: the path of a socket is absolute`);
  } else if (!/^https?:\/\/[^/?#@\s]+$/.test(ask.url) || !URL.canParse(ask.url)) {
    throw new AccessError('EINVAL', 'the URL of a request is http:// or https:// and a host, without user, password and path');
  }
}

/**
 * Sends the request and reads the answer, the socket being at `socketPath` here. If `signal` aborts, its reason is thrown
 * and the connection is gone.
 */
export function sendRequest(ask: HttpAsk, socketPath: string | null, signal: AbortSignal): Promise<HttpAnswer> {
  const what = `${targetOf(ask)} ${shownPath(ask)}`;
  const maxBytes = Math.min(ask.maxBytes ?? MAX_BODY_BYTES, MAX_BODY_BYTES);
  return new Promise((resolve, reject) => {
    let sent: ClientRequest;
    const clock = ask.timings === true ? new ConnectionClock() : null;
    try {
      sent = open(ask, socketPath);
    } catch (thrown) {
      reject(toAccessError(thrown, what));
      return;
    }
    const finish = (end: () => void): void => {
      signal.removeEventListener('abort', onAbort);
      end();
      sent.destroy();
    };
    const fail = (thrown: unknown): void => finish(() => reject(toAccessError(thrown, what)));
    const onAbort = (): void => fail(signal.reason);
    sent.once('error', fail);
    if (clock !== null) sent.once('socket', (socket) => clock.watch(socket));
    sent.once('response', (answer) => {
      clock?.firstByte();
      const chunks: Buffer[] = [];
      let bytes = 0;
      answer.on('data', (chunk: Buffer) => {
        // Of which nothing is kept, of that nothing is held in memory either.
        if (ask.keep?.length === 0) return;
        bytes += chunk.length;
        if (bytes > maxBytes) fail(new AccessError('too-large', `${what}: more than ${maxBytes} bytes`));
        else chunks.push(chunk);
      });
      answer.once('error', fail);
      answer.once('end', () => finish(() => resolve(toAnswer(answer, Buffer.concat(chunks).toString('utf8'), ask.keep, clock?.total()))));
    });
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    sent.end();
  });
}

function open({ path, method = 'GET', headers = {}, insecure = false, ...to }: HttpAsk, socketPath: string | null): ClientRequest {
  // Without an agent each request has a connection of its own, which nobody must close later.
  const options = { path, method, agent: false, headers: { accept: '*/*', ...headers, connection: 'close' } } as const;
  if (socketPath !== null) return requestHttp({ ...options, socketPath, headers: { host: 'localhost', ...options.headers } });
  const { protocol, hostname, port } = new URL('url' in to ? to.url : '');
  const address = { hostname: hostname.replace(/^\[(.*)\]$/, '$1'), ...(port === '' ? {} : { port }) };
  if (protocol !== 'https:') return requestHttp({ ...options, ...address });
  return requestHttps({ ...options, ...address, rejectUnauthorized: !insecure });
}

/** What of an answer is returned: with `keep` that part of the body and of the headers the type alone; never a cookie. */
export function toAnswer(
  { statusCode = 0, headers }: IncomingMessage,
  body: string,
  keep: readonly string[] | undefined,
  timings: HttpTimings | undefined,
): HttpAnswer {
  const names = keep === undefined ? Object.keys(headers).filter((name) => name !== 'set-cookie') : ['content-type'];
  const kept = names.flatMap((name) => {
    const value = headers[name];
    return value === undefined ? [] : [[name, String(value)] as const];
  });
  return {
    status: statusCode,
    headers: Object.fromEntries(kept),
    body: keep === undefined ? body : keepJson(body, keep),
    ...(timings === undefined ? {} : { timings }),
  };
}
