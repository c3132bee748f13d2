import { request } from 'node:http';
import { Duplex } from 'node:stream';
import { toAccessError } from '../access-failure.ts';
import { AccessError, type HttpAnswer, type HttpAsk } from '../host-access.ts';
import { shownPath, toAnswer } from '../local-request.ts';

/**
 * The answer to a request that somebody else has sent, as it came. Rejects with AccessError `too-large`, or EIO or what Node.js says if
 * it is none.
 */
export function readHttp(
  raw: Buffer,
  ask: HttpAsk,
  { maxBytes, totalMs }: { readonly maxBytes: number; readonly totalMs: number },
): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const fail = (thrown: unknown): void => reject(toAccessError(thrown, shownPath(ask)));
    const sent = request({ method: ask.method ?? 'GET', path: ask.path, createConnection: () => replay(raw) });
    sent.once('error', fail);
    // Node.js says nothing more of a connection that was upgraded.
    sent.once('upgrade', () => fail(new AccessError('EIO', `${shownPath(ask)}: the answer is none to what was asked (EIO)`)));
    sent.once('response', (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.once('error', fail);
      answer.once('end', () => {
        const body = Buffer.concat(chunks);
        if (body.length > maxBytes) return fail(new AccessError('too-large', `${shownPath(ask)}: more than ${maxBytes} bytes`));
        // Over there nobody measures the parts.
        const timings = { dnsMs: 0, connectMs: 0, tlsMs: 0, firstByteMs: totalMs, totalMs };
        resolve(toAnswer(answer, body.toString('utf8'), ask.keep, ask.timings === true ? timings : undefined));
      });
    });
    sent.end();
  });
}

/** A connection on which the answer has come already, and which takes whatever is said. */
function replay(raw: Buffer): Duplex {
  const stream = new Duplex({
    read: () => undefined,
    write(_chunk, _encoding, done) {
      done();
      if (raw.length > 0) stream.push(raw);
      stream.push(null);
    },
  });
  return stream;
}
