import type { StoreConfig } from '../config/load-config.ts';

export interface InfluxAnswer {
  readonly status: number;
  /** By its headers it is an InfluxDB. */
  readonly isInflux: boolean;
  /** Its clock, ms since the epoch, to the second; null if it does not say. */
  readonly time: number | null;
}

const TIMEOUT_MS = 5000;

/** Asks an InfluxDB which databases it has, which needs its credentials and changes nothing. Rejects if nobody answers. */
export async function askInflux(store: Extract<StoreConfig, { kind: 'influxdb' }>, signal: AbortSignal): Promise<InfluxAnswer> {
  const { url, token, username, password } = store;
  const authorization =
    token !== undefined
      ? { authorization: `Token ${token}` }
      : username !== undefined
        ? { authorization: `Basic ${Buffer.from(`${username}:${password ?? ''}`).toString('base64')}` }
        : {};
  const answer = await fetch(`${url.replace(/\/$/, '')}/query`, {
    method: 'POST',
    headers: { ...authorization, 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ q: 'SHOW DATABASES' }).toString(),
    signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    redirect: 'manual',
  });
  await answer.body?.cancel();
  const time = Date.parse(answer.headers.get('date') ?? '');
  return { status: answer.status, isInflux: answer.headers.has('x-influxdb-version'), time: Number.isNaN(time) ? null : time };
}

/** The innermost reason of a fetch that failed: `fetch failed` says nothing. */
export function reasonOf(error: unknown): string {
  const { cause, message, code } = error as Error & { code?: string };
  if (cause instanceof Error) return reasonOf(cause);
  return code ?? message;
}
