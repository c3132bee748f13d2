import { isIP } from 'node:net';
import { ParseError, quote } from '../proc-text.ts';

/**
 * The one address of that family in an answer, in the form that the family has one of (IPv6: RFC 5952). Throws ParseError if
 * it is anything else: a page of a hotel's login, an address of the other family.
 */
export function parseAddress(text: string, family: 4 | 6): string {
  const address = text.trim();
  // A zone (fe80::1%eth0) means something on that machine alone.
  if (!/^[0-9A-Fa-f:.]{1,45}$/.test(address) || isIP(address) !== family)
    throw new ParseError(`public_ip: ${quote(address)} is no IPv${family} address`);
  return family === 4 ? address : new URL(`http://[${address}]`).hostname.slice(1, -1);
}
