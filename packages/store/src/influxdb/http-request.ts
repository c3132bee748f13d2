import { type Agent as HttpAgent, request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { StoreError } from '../series-store.ts';

export interface HttpCall {
  readonly url: URL;
  readonly method: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly agent?: HttpAgent | undefined;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** Larger answers are refused before they fill the memory. */
const MAX_ANSWER_BYTES = 256 * 1024 * 1024;

/**
 * One HTTP exchange (`fetch` takes no agent). Throws StoreError `unavailable` when there is no whole answer in time, and
 * the signal's own reason when it is aborted.
 */
export function exchange(call: HttpCall): Promise<HttpAnswer> {
  const { url, method, headers, agent, timeoutMs, signal } = call;
  return new Promise((done, fail) => {
    signal?.throwIfAborted();
    const start = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const request = start(url, { method, headers, timeout: timeoutMs, ...(agent === undefined ? {} : { agent }) });
    const deadline = setTimeout(() => request.destroy(new Error(`no answer in ${timeoutMs} ms`)), timeoutMs);
    const abort = () => request.destroy(signal?.reason instanceof Error ? signal.reason : new Error('aborted'));
    signal?.addEventListener('abort', abort, { once: true });
    const finish = () => {
      clearTimeout(deadline);
      signal?.removeEventListener('abort', abort);
    };
    const failed = (cause: Error) => {
      finish();
      fail(
        signal?.aborted === true
          ? cause
          : new StoreError('unavailable', `InfluxDB at ${url.host} does not answer: ${cause.message}`, { cause }),
      );
    };
    request.on('error', failed);
    request.on('response', (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('error', failed);
      response.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > MAX_ANSWER_BYTES) request.destroy(new Error(`the answer is larger than ${MAX_ANSWER_BYTES} bytes; narrow the query`));
        else chunks.push(chunk);
      });
      response.on('end', () => {
        finish();
        done({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks).toString('utf8') });
      });
    });
    request.end(call.body);
  });
}
