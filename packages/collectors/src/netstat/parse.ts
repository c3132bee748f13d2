import { ParseError, parseCount, quote } from '../proc-text.ts';

/** States of a TCP socket in /proc/net/tcp (include/net/tcp_states.h), as fields of `netstat`; hexadecimal from 01. */
const STATES = [
  'tcp_established',
  'tcp_syn_sent',
  'tcp_syn_recv',
  'tcp_fin_wait1',
  'tcp_fin_wait2',
  'tcp_time_wait',
  'tcp_close',
  'tcp_close_wait',
  'tcp_last_ack',
  'tcp_listen',
  'tcp_closing',
  // TCP_NEW_SYN_RECV is a SYN_RECV of a listener that keeps its requests apart.
  'tcp_syn_recv',
] as const;

export type TcpState = (typeof STATES)[number];
export const TCP_STATES: readonly TcpState[] = STATES.slice(0, 11);

/** Adds the sockets of /proc/net/tcp or tcp6 to `counts` by their state. Throws ParseError. */
export function countTcpStates(text: string, counts: Record<TcpState, number>): void {
  // Local address, remote address, state; the head line has words there.
  const lines = /^\s*[0-9]+: [0-9A-F]+:[0-9A-F]{4} [0-9A-F]+:[0-9A-F]{4} ([0-9A-F]{2}) /gm;
  for (const match of text.matchAll(lines)) {
    const state = STATES[Number.parseInt(match[1] ?? '', 16) - 1];
    if (state === undefined) throw new ParseError(`/proc/net/tcp: state ${quote(match[1])} is not known`);
    counts[state]++;
  }
}

/** Sockets by protocol, of /proc/net/sockstat or sockstat6. */
export interface SocketCounts {
  /** TCP sockets that are in use, TIME-WAIT not among them. */
  readonly tcp: number;
  /** TCP sockets in TIME-WAIT; of IPv4 and IPv6 together, and only in sockstat. */
  readonly timeWait: number;
  readonly udp: number;
}

/** Throws ParseError if a count is not a whole number; protocols that are not there count 0. */
export function parseSockstat(text: string): SocketCounts {
  const value = (protocol: string, key: string) => {
    const found = new RegExp(`^${protocol}: (?:.* )?${key} (\\S+)`, 'm').exec(text)?.[1];
    return found === undefined ? 0 : parseCount(found, `/proc/net/sockstat: ${protocol} ${key}`);
  };
  return { tcp: value('TCP6?', 'inuse'), timeWait: value('TCP', 'tw'), udp: value('UDP6?', 'inuse') };
}
