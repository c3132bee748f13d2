import { AccessError } from '@hostwire/host-access';
import type { FieldValue } from '@hostwire/model';
import Type from 'typebox';
import { type CollectContext, defineCollector } from '../collector.ts';
import { state } from '../declare.ts';
import { requestOf } from '../targets.ts';
import { milliseconds } from '../timings.ts';
import { parseAddress } from './parse.ts';

const FAMILIES = [4, 6] as const;

/** There is no way out by this family of addresses. */
const NO_WAY = new Set(['ENETUNREACH', 'EHOSTUNREACH', 'EADDRNOTAVAIL', 'EAFNOSUPPORT']);

/** An address is short. What answers with more is a login page. */
const MAX_ANSWER_BYTES = 4096;

const endpoint = (family: 4 | 6, fallback: string) =>
  Type.String({
    remote: false,
    pattern: '^(https?://[^/?#@\\s]+(/[!-~]*)?)?$',
    allowed: 'http:// or https:// and a host, without user and password; empty: nobody is asked',
    default: fallback,
    description: `Who answers with the IPv${family} address that it is asked from, as text; empty: nobody is asked`,
  });

export const publicIp = defineCollector({
  name: 'public_ip',
  tier: 'slow',
  optIn: true,
  help: 'The addresses that this host has on the Internet, as a service there sees them, which it asks.',
  measurements: {
    public_ip: {
      help: 'What one question for each family gave.',
      tags: {},
      fields: {
        ipv4: state('string', 'IPv4 address'),
        ipv6: state('string', 'IPv6 address'),
      },
    },
  },
  options: Type.Object({
    ipv4_url: endpoint(4, 'https://api4.ipify.org/'),
    ipv6_url: endpoint(6, 'https://api6.ipify.org/'),
    request_timeout_seconds: Type.Number({ remote: true, minimum: 0.1, maximum: 9, default: 5, description: 'Seconds for each answer' }),
  }),
  async probe(_access, { ipv4_url, ipv6_url }) {
    if (ipv4_url !== '' || ipv6_url !== '') return { available: true };
    return { available: false, reason: 'nobody is to be asked', hint: '[collectors.public_ip] ipv4_url = "https://..."' };
  },
  async collect(context) {
    const { options, signal, report } = context;
    const fields: Record<string, FieldValue> = {};
    const unreachable: unknown[] = [];
    await Promise.all(
      FAMILIES.map(async (family) => {
        const url = family === 4 ? options.ipv4_url : options.ipv6_url;
        if (url === '') return;
        try {
          fields[`ipv${family}`] = await ask(context, url, family, options.request_timeout_seconds);
        } catch (error) {
          signal.throwIfAborted();
          if (error instanceof AccessError && NO_WAY.has(error.code)) unreachable.push(error);
          else report(error);
        }
      }),
    );
    // A host without IPv6 is nothing amiss; one without either is offline.
    if (Object.keys(fields).length === 0) for (const error of unreachable) report(error);
    return { public_ip: [{ fields }] };
  },
});

async function ask({ access, signal }: CollectContext, url: string, family: 4 | 6, seconds: number): Promise<string> {
  const to = requestOf(url);
  const { status, body } = await access.request(
    { ...to, maxBytes: MAX_ANSWER_BYTES, confidential: true },
    { signal, timeout: milliseconds(seconds) },
  );
  if (status !== 200) throw new AccessError(`status-${status}`, `${to.url}: it answers with status ${status} instead of an address`);
  return parseAddress(body, family);
}
