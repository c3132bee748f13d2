import { type ClientRequest, type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { toAccessError } from './access-failure.ts';
import { AccessError, type HttpAnswer, type HttpAsk } from './host-access.ts';
import { keepJson } from './keep-json.ts';

/** Most bytes of a body. */
export const MAX_BODY_BYTES = 4 * 1024 * 1024;

/** What a request goes to, as errors and dumps name it: `unix:/run/docker.sock`, `http://127.0.0.1:8080`; never with a password. */
export function targetOf(ask: HttpAsk): string {
  return 'socketPath' in ask ? `unix:${ask.socketPath}` : ask.url.replace(/\/\/[^/]*@/, '//');
}

/** Throws AccessError EINVAL if the ask is none that can be sent, or would carry a password. */
export function checkAsk(ask: HttpAsk): void {
  const what = `${targetOf(ask)} ${ask.path}`;
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
  const what = `${targetOf(ask)} ${ask.path}`;
  return new Promise((resolve, reject) => {
    let sent: ClientRequest;
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
    sent.once('response', (answer) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      answer.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > MAX_BODY_BYTES) fail(new AccessError('too-large', `${what}: more than ${MAX_BODY_BYTES} bytes`));
        else chunks.push(chunk);
      });
      answer.once('error', fail);
      answer.once('end', () => finish(() => resolve(toAnswer(answer, Buffer.concat(chunks).toString('utf8'), ask.keep))));
    });
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    sent.end();
  });
}

function open({ path, method = 'GET', ...to }: HttpAsk, socketPath: string | null): ClientRequest {
  // Without an agent each request has a connection of its own, which nobody must close later.
  const options = { path, method, agent: false, headers: { accept: '*/*', connection: 'close' } } as const;
  if (socketPath !== null) return requestHttp({ ...options, socketPath, headers: { ...options.headers, host: 'localhost' } });
  const { protocol, hostname, port } = new URL('url' in to ? to.url : '');
  const address = { hostname: hostname.replace(/^\[(.*)\]$/, '$1'), ...(port === '' ? {} : { port }) };
  return protocol === 'https:' ? requestHttps({ ...options, ...address }) : requestHttp({ ...options, ...address });
}

function toAnswer({ statusCode = 0, headers }: IncomingMessage, body: string, keep: readonly string[] | undefined): HttpAnswer {
  const names = keep === undefined ? Object.keys(headers).filter((name) => name !== 'set-cookie') : ['content-type'];
  const kept = names.flatMap((name) => {
    const value = headers[name];
    return value === undefined ? [] : [[name, String(value)] as const];
  });
  return { status: statusCode, headers: Object.fromEntries(kept), body: keep === undefined ? body : keepJson(body, keep) };
}
