import { request } from 'node:http';
import type { EmbeddedStore } from '@hostwire/store';
import { reachable } from '../kept-address.ts';

/** Parts without which this process does nothing useful. Those of other processes (InfluxDB, PostgreSQL) are none of them. */
export interface EssentialParts {
  readonly embedded: Pick<EmbeddedStore, 'answers'> | null;
  readonly listen: string;
  /** Null: this process has no API. */
  readonly httpPort: number | null;
  /** For tests; default 20 s. */
  readonly answerMs?: number;
}

const ANSWER_MS = 20_000;

/**
 * Names of the parts that do not answer within 20 s: the store's writer, if it does not come to an end with what waits for
 * it or has ended; the API, if a request to its own port gets no answer whatever (no file descriptor left,
 * handlers that hang).
 */
export async function silentParts({ embedded, listen, httpPort, answerMs = ANSWER_MS }: EssentialParts): Promise<string[]> {
  const parts: [string, Promise<unknown>][] = [];
  if (embedded !== null) parts.push(['store', embedded.answers()]);
  if (httpPort !== null) parts.push(['API', anyAnswer(listen, httpPort, answerMs)]);
  const answers = await Promise.all(parts.map(([, answer]) => settlesInTime(answer, answerMs)));
  return parts.filter((_, index) => answers[index] === false).map(([name]) => name);
}

function anyAnswer(listen: string, port: number, timeout: number): Promise<void> {
  const host = reachable(listen).replace(/^\[|\]$/g, '');
  return new Promise((done, fail) => {
    const asked = request({ host, port, path: '/health', agent: false, timeout }, (answer) => {
      answer.resume();
      done();
    });
    asked.once('timeout', () => asked.destroy(new Error('no answer')));
    asked.once('error', fail);
    asked.end();
  });
}

async function settlesInTime(answer: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((done) => {
    timer = setTimeout(done, ms, false);
  });
  const settled = answer.then(
    () => true,
    () => false,
  );
  return Promise.race([settled, late]).finally(() => clearTimeout(timer));
}
