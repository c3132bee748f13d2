import type { Row, Tags } from '@hostwire/model';
import Type, { type Static } from 'typebox';
import { type CollectContext, defineCollector } from '../collector.ts';
import { gauge, state } from '../declare.ts';
import {
  ASKED_AT_ONCE,
  askEach,
  collectorTimeout,
  failureOf,
  oneSeriesEach,
  resultFields,
  targetsNamed,
  targetsOption,
  targetTimeout,
} from '../targets.ts';
import { milliseconds } from '../timings.ts';

const TYPES = ['A', 'AAAA', 'MX', 'TXT', 'CNAME', 'NS', 'PTR'] as const;

const Target = Type.Object(
  {
    domain: Type.String({
      pattern: '^[A-Za-z0-9_:][A-Za-z0-9_.:-]{0,252}$',
      allowed: 'a name, or for PTR an address',
      description: 'The name that is asked for; for PTR an address',
    }),
    record_type: Type.Union(
      TYPES.map((type) => Type.Literal(type)),
      { default: 'A', description: TYPES.join(', ') },
    ),
    server: Type.String({
      pattern: '^([0-9.]{7,15}(:[0-9]{1,5})?|[0-9A-Fa-f:]{2,39}|\\[[0-9A-Fa-f:]{2,39}\\](:[0-9]{1,5})?|)$',
      allowed: 'an address, with a port if it is not 53; empty: the servers of the system',
      default: '',
      description: 'Whom to ask: an address; empty: the servers of the system',
    }),
    expect: Type.String({ maxLength: 300, default: '', description: 'An answer that must be among those that come' }),
    timeout_seconds: targetTimeout,
  },
  { additionalProperties: false },
);
type Target = Static<typeof Target>;

/** Codes of Telegraf's plugin, and one for `expect`, which it does not know. */
const results = resultFields({ success: 0, timeout: 1, error: 2, mismatch: 3 });

/** RFC 1035 section 4.1.1, by the codes of access to the host. No answer of that type is no error there. */
const RCODES: Readonly<Record<string, readonly [rcode: string, value: number]>> = {
  ENODATA: ['NOERROR', 0],
  EFORMERR: ['FORMERR', 1],
  ESERVFAIL: ['SERVFAIL', 2],
  ENOTFOUND: ['NXDOMAIN', 3],
  ENOTIMP: ['NOTIMP', 4],
  EREFUSED: ['REFUSED', 5],
};

export const dnsQuery = defineCollector({
  name: 'dns_query',
  tier: 'medium',
  help: 'Name servers: whether they answer, with what, and how soon.',
  measurements: {
    dns_query: {
      help: 'One answer, or why there was none.',
      tags: {
        server: 'Address of the server; `system` where none is named',
        domain: 'The name that was asked for',
        record_type: TYPES.join(', '),
      },
      fields: {
        ...results.declaration,
        rcode: state('string', 'What the server said: NOERROR, NXDOMAIN, SERVFAIL, ...'),
        rcode_value: state('int', 'The same as its number'),
        error: state('string', 'Why there was no answer: ECONNREFUSED, timeout, ...'),
        query_time_ms: gauge('float', 'ms', 'From the question to the answer'),
        answers: gauge('int', '1', 'Records in the answer'),
      },
    },
  },
  options: Type.Object({
    targets: targetsOption(Target, 'What is asked for, at most 64'),
    timeout_seconds: collectorTimeout,
  }),
  async probe(_access, { targets }) {
    const named = targetsNamed('dns_query', targets, '{ domain = "example.org", server = "192.0.2.53" }');
    return named.available ? oneSeriesEach(targets, (target) => Object.values(tagsOf(target)).join(' ')) : named;
  },
  async collect(context) {
    const rows = await askEach(context, context.options.targets, ASKED_AT_ONCE, (target) => askOne(context, target));
    return { dns_query: rows };
  },
});

async function askOne({ access, signal }: CollectContext, target: Target): Promise<Row> {
  const { domain, record_type: type, server, expect, timeout_seconds } = target;
  const tags = tagsOf(target);
  try {
    const { answers, timeMs } = await access.resolve(domain, {
      type,
      ...(server === '' ? {} : { server }),
      signal,
      timeout: milliseconds(timeout_seconds),
    });
    const isRight = expect === '' || answers.includes(expect);
    const fields = { rcode: 'NOERROR', rcode_value: 0, query_time_ms: timeMs, answers: answers.length };
    return { tags, fields: { ...results.of(isRight ? 'success' : 'mismatch'), ...fields } };
  } catch (error) {
    const code = failureOf(error);
    const said = RCODES[code];
    if (said === undefined) return { tags, fields: { ...results.of(code === 'timeout' ? 'timeout' : 'error'), error: code } };
    const [rcode, value] = said;
    return { tags, fields: { ...results.of('error'), rcode, rcode_value: value, answers: 0 } };
  }
}

function tagsOf({ domain, record_type, server }: Target): Tags {
  return { server: server === '' ? 'system' : server, domain, record_type };
}
