import { request } from 'node:http';
import { version } from '@hostwire/service';
import { connectFailure, connectTo } from './connect.ts';
import { EnrollError } from './enroll-error.ts';
import type { ServerAddress } from './server-address.ts';

export interface ServerAnswer {
  readonly status: number;
  readonly body: unknown;
  /** Seconds; null: it does not say. */
  readonly retryAfter: number | null;
}

const MAX_ANSWER_BYTES = 256 * 1024;
const ANSWER_MS = 30_000;

/** Sends JSON to the server once it has shown who it is. Throws EnrollError, passing if the answer was lost. */
export async function askServer(server: ServerAddress, path: string, body: object): Promise<ServerAnswer> {
  const socket = await connectTo(server);
  const text = JSON.stringify(body);
  try {
    return await new Promise<ServerAnswer>((done, fail) => {
      const headers = {
        host: server.authority,
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(text),
        'user-agent': `hostwire-agent/${version}`,
        connection: 'close',
      };
      const asked = request({ createConnection: () => socket, method: 'POST', path, headers, signal: AbortSignal.timeout(ANSWER_MS) });
      asked.on('error', fail);
      asked.on('response', (response) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        response.on('error', fail);
        response.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > MAX_ANSWER_BYTES) response.destroy(new Error('the answer is too large'));
          else chunks.push(chunk);
        });
        response.on('end', () => {
          const after = Number(response.headers['retry-after']);
          const retryAfter = Number.isFinite(after) && response.headers['retry-after'] !== undefined ? after : null;
          done({ status: response.statusCode ?? 0, body: parse(Buffer.concat(chunks).toString()), retryAfter });
        });
      });
      asked.end(text);
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code?.startsWith('HPE_') === true) {
      throw new EnrollError('failed', `${server.authority} does not answer in HTTP: check the port`, { cause: error });
    }
    if ((error as Error).name === 'TimeoutError' || (error as Error).name === 'AbortError') {
      throw connectFailure(Object.assign(new Error('no answer in time'), { code: 'ETIMEDOUT' }), server);
    }
    // TLS is established: what fails from here on is the network.
    throw connectFailure(error, { ...server, secure: false });
  } finally {
    socket.destroy();
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}
