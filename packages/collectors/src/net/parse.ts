import { linesOf, ParseError, parseCounter, quote, wordsOf } from '../proc-text.ts';

/** One interface's counters since it came up. */
export interface InterfaceCounters extends Record<string, number | bigint> {
  bytes_recv: number | bigint;
  packets_recv: number | bigint;
  err_in: number | bigint;
  drop_in: number | bigint;
  bytes_sent: number | bigint;
  packets_sent: number | bigint;
  err_out: number | bigint;
  drop_out: number | bigint;
}

/** /proc/net/dev (proc_pid_net(5)): interface -> counters. A name may hold a colon (aliases): the last one divides. Throws ParseError. */
export function parseNetDev(text: string): Map<string, InterfaceCounters> {
  const interfaces = new Map<string, InterfaceCounters>();
  for (const line of linesOf(text)) {
    if (line.includes('|')) continue;
    const colon = line.lastIndexOf(':');
    const columns = wordsOf(line.slice(colon + 1));
    if (colon < 1 || columns.length < 16) throw new ParseError(`/proc/net/dev: ${quote(line)} is not an interface of 16 columns`);
    const name = line.slice(0, colon).trim();
    const column = (index: number) => parseCounter(columns[index], `/proc/net/dev: ${quote(name)} column ${index + 1}`);
    interfaces.set(name, {
      bytes_recv: column(0),
      packets_recv: column(1),
      err_in: column(2),
      drop_in: column(3),
      bytes_sent: column(8),
      packets_sent: column(9),
      err_out: column(10),
      drop_out: column(11),
    });
  }
  return interfaces;
}

/** Flags of an interface: hexadecimal, with IFF_UP and IFF_LOOPBACK of netdevice(7). Null if it is not that. */
export function parseFlags(text: string): { up: boolean; loopback: boolean } | null {
  const match = /^0x([0-9a-f]{1,8})\s*$/i.exec(text);
  if (match?.[1] === undefined) return null;
  const flags = Number.parseInt(match[1], 16);
  return { up: (flags & 0x1) !== 0, loopback: (flags & 0x8) !== 0 };
}

/** Mbit/s, or -1 where the driver does not tell (a bridge, a link that is down). */
export function parseSpeed(text: string): number {
  return /^[0-9]{1,9}\s*$/.test(text) ? Number(text) : -1;
}
