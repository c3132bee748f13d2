import type { DialTimings, HttpTimings } from '@hostwire/host-access';
import type { FieldValue } from '@hostwire/model';
import { gauge } from './declare.ts';

/** Telegraf's, in seconds. */
export const RESPONSE_TIME = {
  response_time: { ...gauge('float', 's', 'From the beginning to the end of the answer; only if there was one'), decimals: 6 },
};

/** Where the time went; only if there was an answer. */
export const TIMINGS = {
  dns_ms: gauge('float', 'ms', 'Looking up the name; 0 for an address'),
  connect_ms: gauge('float', 'ms', 'TCP connection, or that to the socket'),
  tls_ms: gauge('float', 'ms', 'TLS handshake; 0 without'),
  first_byte_ms: gauge('float', 'ms', 'From the connection being ready to the first byte of the answer; 0 if none was waited for'),
};

/** Fields of `TIMINGS`. */
export function timingFields({ dnsMs, connectMs, tlsMs, firstByteMs }: DialTimings): Record<string, FieldValue> {
  return { dns_ms: dnsMs, connect_ms: connectMs, tls_ms: tlsMs, first_byte_ms: firstByteMs };
}

/** Fields of `RESPONSE_TIME` and `TIMINGS` of a request; none if the access to the host tells none. */
export function responseTime(timings: HttpTimings | undefined): Record<string, FieldValue> {
  return timings === undefined ? {} : { response_time: timings.totalMs / 1000, ...timingFields(timings) };
}

export function milliseconds(seconds: number): number {
  return Math.round(seconds * 1000);
}
