import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { parseBrokerUrl } from '@hostwire/transport';

const TIMEOUT_MS = 3000;
const MAX_BODY_BYTES = 64 * 1024;
const API_PORT = 8080;

export interface ServerTime {
  /** The server's clock, ms since the epoch, to the second. */
  readonly time: number;
  /** This machine's, at the same moment. */
  readonly ours: number;
}

/**
 * The clock of the server that a broker's URL names, as its API says it: at that port for a WebSocket, else at the API's
 * usual port. Null if no Hostwire answers there. `ca`: PEM that its certificate must lead to.
 */
export async function askServerTime(
  url: string,
  { ca, now, signal }: { ca?: string | undefined; now: () => number; signal: AbortSignal },
): Promise<ServerTime | null> {
  const { protocol, host, port } = parseBrokerUrl(url);
  const at = host.includes(':') ? `[${host}]` : host;
  const isWeb = protocol === 'ws' || protocol === 'wss';
  const isTls = protocol === 'wss' || protocol === 'mqtts';
  const wanted = isWeb ? port : API_PORT;
  const order = isTls ? ['https', 'http'] : ['http', 'https'];
  for (const scheme of order) {
    const found = await ask(new URL(`${scheme}://${at}:${wanted}/health`), ca, now, signal);
    if (found !== null) return found;
  }
  return null;
}

function ask(url: URL, ca: string | undefined, now: () => number, signal: AbortSignal): Promise<ServerTime | null> {
  return new Promise((done) => {
    const start = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const asked = now();
    const request = start(url, { timeout: TIMEOUT_MS, signal, agent: false, ...(ca === undefined ? {} : { ca }) }, (response) => {
      const ours = (asked + now()) / 2;
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => {
        body += text;
        if (body.length > MAX_BODY_BYTES) request.destroy();
      });
      response.on('error', () => done(null));
      response.on('end', () => {
        const time = Date.parse(response.headers.date ?? '');
        done(isHostwire(body) && !Number.isNaN(time) ? { time, ours } : null);
      });
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => done(null));
    request.on('close', () => done(null));
    request.end();
  });
}

function isHostwire(body: string): boolean {
  try {
    return Array.isArray((JSON.parse(body) as { roles?: unknown }).roles);
  } catch {
    return false;
  }
}
