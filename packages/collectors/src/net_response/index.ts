import type { DialAsk } from '@hostwire/host-access';
import type { Row, Tags } from '@hostwire/model';
import Type, { type Static } from 'typebox';
import { type CollectContext, defineCollector } from '../collector.ts';
import { state } from '../declare.ts';
import {
  ASKED_AT_ONCE,
  askEach,
  collectorTimeout,
  failureOf,
  hostName,
  oneSeriesEach,
  resultFields,
  targetsNamed,
  targetsOption,
  targetTimeout,
} from '../targets.ts';
import { milliseconds, RESPONSE_TIME, TIMINGS, timingFields } from '../timings.ts';

const common = {
  send: Type.String({ maxLength: 1000, default: '', description: 'Text that is sent once the connection is there' }),
  expect: Type.String({ maxLength: 1000, default: '', description: 'Text that must come; empty: the connection is enough' }),
  timeout_seconds: targetTimeout,
};
const TcpTarget = Type.Object(
  {
    host: hostName('Name or address'),
    port: Type.Integer({ minimum: 1, maximum: 65_535, description: 'TCP port' }),
    ...common,
  },
  { additionalProperties: false, allowed: 'a host with its port, or a socket' },
);
const SocketTarget = Type.Object(
  { socket: Type.String({ pattern: '^/.{1,106}$', allowed: 'an absolute path', description: 'Unix socket' }), ...common },
  { additionalProperties: false },
);
const Target = Type.Union([TcpTarget, SocketTarget]);
type Target = Static<typeof Target>;

/** Codes of Telegraf's plugin. */
const results = resultFields({ success: 0, timeout: 1, connection_failed: 2, read_failed: 3, string_mismatch: 4 });

export const netResponse = defineCollector({
  name: 'net_response',
  tier: 'medium',
  help: 'TCP ports and unix sockets: whether somebody listens, and answers as he should.',
  measurements: {
    net_response: {
      help: 'One connection, or why there was none.',
      tags: {
        server: 'Name, address, or path of the socket',
        port: 'TCP port',
        protocol: 'tcp or unix',
      },
      fields: {
        ...results.declaration,
        error: state('string', 'Why there was no connection: ECONNREFUSED, EHOSTUNREACH, ...'),
        string_found: state('bool', 'Whether `expect` came; only if that is set'),
        ...RESPONSE_TIME,
        ...TIMINGS,
      },
    },
  },
  options: Type.Object({
    targets: targetsOption(Target, 'What is connected to, at most 64: `host` and `port`, or `socket`'),
    timeout_seconds: collectorTimeout,
  }),
  configuredNeeds: ({ targets }) => ({
    sockets: targets.flatMap((target) => ('socket' in target ? [{ path: target.socket, get: [] }] : [])),
  }),
  async probe(_access, { targets }) {
    const named = targetsNamed('net_response', targets, '{ host = "192.0.2.1", port = 22 }');
    return named.available ? oneSeriesEach(targets, (target) => Object.values(tagsOf(target)).join(' ')) : named;
  },
  async collect(context) {
    const rows = await askEach(context, context.options.targets, ASKED_AT_ONCE, (target) => askOne(context, target));
    return { net_response: rows };
  },
});

async function askOne({ access, signal }: CollectContext, target: Target): Promise<Row> {
  const { send, expect, timeout_seconds } = target;
  const tags = tagsOf(target);
  const to = 'socket' in target ? { socketPath: target.socket } : { host: target.host, port: target.port };
  const ask: DialAsk = {
    ...to,
    ...(send === '' ? {} : { bytes: Buffer.from(send) }),
    until: expect === '' ? null : { match: expect },
  };
  try {
    const { ended, timings } = await access.dial(ask, { signal, timeout: milliseconds(timeout_seconds) });
    const { dnsMs, connectMs, tlsMs, firstByteMs } = timings;
    const fields = { response_time: (dnsMs + connectMs + tlsMs + firstByteMs) / 1000, ...timingFields(timings) };
    if (expect === '') return { tags, fields: { ...results.of('success'), ...fields } };
    const result = ended === 'done' ? 'success' : ended === 'timeout' ? 'timeout' : ended === 'full' ? 'string_mismatch' : 'read_failed';
    return { tags, fields: { ...results.of(result), string_found: ended === 'done', ...fields } };
  } catch (error) {
    const code = failureOf(error);
    return { tags, fields: { ...results.of(code === 'timeout' ? 'timeout' : 'connection_failed'), error: code } };
  }
}

function tagsOf(target: Target): Tags {
  if ('socket' in target) return { server: target.socket, protocol: 'unix' };
  return { server: target.host, port: String(target.port), protocol: 'tcp' };
}
