import { AccessError } from '@hostwire/host-access';
import type { Row } from '@hostwire/model';
import Type, { type Static } from 'typebox';
import { type CollectContext, defineCollector } from '../collector.ts';
import { gauge } from '../declare.ts';
import { quote } from '../proc-text.ts';
import { askEach, collectorTimeout, hostName, oneSeriesEach, resultFields, targetsNamed, targetsOption } from '../targets.ts';
import { isUnknownHost, parsePing } from './parse.ts';

/** Commands at once: half of what access to a host has. */
const AT_ONCE = 4;
/** With 4 at once of at most 6 s each, 48 s if none answers. */
const MAX_TARGETS = 32;

const Target = Type.Object(
  {
    host: hostName('Name or address'),
    count: Type.Integer({ minimum: 1, maximum: 5, default: 3, description: 'Packets, one a second' }),
    timeout_seconds: Type.Integer({ minimum: 1, maximum: 6, default: 5, description: 'Seconds after which it ends, whatever came' }),
  },
  { additionalProperties: false },
);
type Target = Static<typeof Target>;

/** Exit codes of ping, as Telegraf has them; those of busybox are not told apart, so its words are looked at. */
const results = resultFields({ success: 0, no_reply: 1, unknown_host: 1, error: 2 });

export const ping = defineCollector({
  name: 'ping',
  tier: 'medium',
  help: 'Hosts by ICMP echo: whether they answer, and how soon.',
  needs: {
    commands: [
      { command: 'ping', args: ['-V'] },
      {
        command: 'ping',
        args: ['-n', '-c', { pattern: '[1-5]' }, '-w', { pattern: '[1-6]' }, { pattern: '[A-Za-z0-9_:][A-Za-z0-9_.:%-]{0,252}' }],
      },
    ],
  },
  measurements: {
    ping: {
      help: 'A few packets to one host.',
      tags: { url: 'Name or address of the host' },
      fields: {
        ...results.declaration,
        packets_transmitted: gauge('int', 'packets', 'Packets sent'),
        packets_received: gauge('int', 'packets', 'Packets answered'),
        percent_packet_loss: gauge('float', 'percent', 'Packets that were not answered'),
        minimum_response_ms: gauge('float', 'ms', 'Shortest time to an answer'),
        average_response_ms: gauge('float', 'ms', 'Mean time to an answer'),
        maximum_response_ms: gauge('float', 'ms', 'Longest time to an answer'),
        standard_deviation_ms: gauge('float', 'ms', 'Standard deviation of these times (iputils only)'),
        ttl: gauge('int', '1', 'Time to live of the first answer'),
      },
    },
  },
  options: Type.Object({
    targets: targetsOption(Target, `Who is asked, at most ${MAX_TARGETS}`, MAX_TARGETS),
    timeout_seconds: collectorTimeout,
  }),
  async probe(access, { targets }) {
    const named = targetsNamed('ping', targets, '{ host = "192.0.2.1" }');
    if (!named.available) return named;
    try {
      // That of busybox knows no -V, and says so.
      await access.exec('ping', ['-V']);
    } catch (error) {
      if (!(error instanceof AccessError)) throw error;
      return { available: false, reason: error.message, hint: 'install ping (Debian: apt install iputils-ping)' };
    }
    return oneSeriesEach(targets, ({ host }) => host);
  },
  async collect(context) {
    return { ping: await askEach(context, context.options.targets, AT_ONCE, (target) => askOne(context, target)) };
  },
});

async function askOne({ access, signal }: CollectContext, { host, count, timeout_seconds }: Target): Promise<Row> {
  const tags = { url: host };
  // Its own limit ends it, with a count of what came; a name server that does not answer is not in that.
  const timeout = (timeout_seconds + 1) * 1000;
  try {
    const { exitCode, stdout, stderr } = await access.exec('ping', ['-n', '-c', String(count), '-w', String(timeout_seconds), host], {
      signal,
      timeout,
    });
    if (stdout.includes(' packets transmitted')) {
      const fields = parsePing(stdout);
      return { tags, fields: { ...results.of(fields['packets_received'] === 0 ? 'no_reply' : 'success'), ...fields } };
    }
    if (isUnknownHost(stderr)) return { tags, fields: results.of('unknown_host') };
    if (/not permitted|permission denied/i.test(stderr)) {
      throw new AccessError(
        'EPERM',
        `ping ${host}: ${quote(stderr)}; allow it (sysctl net.ipv4.ping_group_range, or setcap cap_net_raw+p on ping)`,
      );
    }
    return { tags, fields: results.of(exitCode === 1 ? 'no_reply' : 'error') };
  } catch (error) {
    if (!(error instanceof AccessError && error.code === 'timeout')) throw error;
    return { tags, fields: results.of('no_reply') };
  }
}
