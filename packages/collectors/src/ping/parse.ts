import type { FieldValue } from '@hostwire/model';
import { ParseError, parseCount, parseDecimal, quote } from '../proc-text.ts';

const COUNTS = /^([0-9]{1,9}) packets transmitted, ([0-9]{1,9}) (?:packets )?received/m;
/** iputils: `rtt min/avg/max/mdev = ...`; busybox and BSD: `round-trip min/avg/max = ...`. */
const TIMES =
  /^(?:rtt|round-trip) min\/avg\/max(?:\/[a-z]{1,8})? = ([0-9.]{1,20})\/([0-9.]{1,20})\/([0-9.]{1,20})(?:\/([0-9.]{1,20}))? ms/m;
const TTL = /^[0-9]{1,6} bytes from .{0,300}\bttl=([0-9]{1,3})\b/m;

/**
 * What ping of iputils or busybox says of one host, as Telegraf's fields. Without any answer the times are absent.
 * Throws ParseError if it holds no count of packets.
 */
export function parsePing(text: string): Record<string, FieldValue> {
  const [, sent, received] = COUNTS.exec(text) ?? [];
  if (sent === undefined) throw new ParseError(`ping: ${quote(text.trimStart())} holds no count of packets`);
  const transmitted = parseCount(sent, 'ping: packets transmitted');
  const answered = parseCount(received, 'ping: packets received');
  const fields: Record<string, FieldValue> = {
    packets_transmitted: transmitted,
    packets_received: answered,
    // Two answers to one packet (a broadcast, a loop) are no negative loss.
    percent_packet_loss: transmitted === 0 ? 100 : (100 * Math.max(0, transmitted - answered)) / transmitted,
  };
  const [, least, mean, most, deviation] = TIMES.exec(text) ?? [];
  if (answered === 0 || least === undefined) return fields;
  fields['minimum_response_ms'] = parseDecimal(least, 'ping: shortest time');
  fields['average_response_ms'] = parseDecimal(mean, 'ping: mean time');
  fields['maximum_response_ms'] = parseDecimal(most, 'ping: longest time');
  if (deviation !== undefined) fields['standard_deviation_ms'] = parseDecimal(deviation, 'ping: deviation');
  const ttl = TTL.exec(text)?.[1];
  if (ttl !== undefined) fields['ttl'] = parseCount(ttl, 'ping: ttl');
  return fields;
}

/** True if ping (iputils, busybox; glibc, musl) says that the name has no address. */
export function isUnknownHost(stderr: string): boolean {
  return /name or service not known|unknown host|bad address|no address associated|temporary failure in name resolution|name does not resolve/i.test(
    stderr,
  );
}
