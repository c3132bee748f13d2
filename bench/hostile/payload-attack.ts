import { createHash } from 'node:crypto';
import { topics as makeTopics, newRunId, type Sample, type Tier } from '@hostwire/model';
import { MqttConnection } from '../load/mqtt-connection.ts';
import { simulatedHost } from '../simulated-host.ts';
import { Dice } from './dice.ts';
import { mutatePayload } from './mutate-payload.ts';
import type { Host } from './server-under-test.ts';

const topics = makeTopics();

export interface PayloadAttackOptions {
  readonly port: number;
  readonly hosts: readonly Host[];
  /** In all. */
  readonly payloads: number;
  readonly seed: number;
}

export interface PayloadAttackReport {
  readonly sent: number;
  readonly pubacked: number;
  /** Connections that the broker closed; each loses what was in flight. */
  readonly closed: number;
  readonly kinds: Readonly<Record<string, number>>;
  /** Digest of host and payload -> how often it was sent. */
  readonly digests: Map<string, number>;
  /** `host run seq` of the payloads that are valid samples. */
  readonly valid: ReadonlySet<string>;
}

/** Payloads of one host that have no PUBACK yet. */
const IN_FLIGHT = 100;
/** So many are valid, and must be in the store at the end. */
const VALID = 0.1;

/** Names a payload of a host in little memory. */
export function digest(host: string, payload: Uint8Array): string {
  return createHash('sha1').update(host).update('\n').update(payload).digest('base64').slice(0, 16);
}

/** Authenticated hosts publish mutated samples, QoS 1. Resolves when all have their PUBACK. Throws if a connection is lost. */
export async function attackWithPayloads({ port, hosts, payloads, seed }: PayloadAttackOptions): Promise<PayloadAttackReport> {
  const report = {
    sent: 0,
    pubacked: 0,
    closed: 0,
    kinds: {} as Record<string, number>,
    digests: new Map<string, number>(),
    valid: new Set<string>(),
  };
  await Promise.all(
    hosts.map((host, index) => {
      const share = Math.floor(payloads / hosts.length) + (index < payloads % hosts.length ? 1 : 0);
      return attack(port, host, share, Dice.of(seed, index), report);
    }),
  );
  return report;
}

type Counts = { -readonly [Key in keyof PayloadAttackReport]: Key extends 'valid' ? Set<string> : PayloadAttackReport[Key] } & {
  readonly kinds: Record<string, number>;
};

async function attack(port: number, host: Host, share: number, dice: Dice, report: Counts): Promise<void> {
  const source = simulatedHost(host.id, { run: newRunId(), seed: dice.below(2 ** 31) });
  const validRun = newRunId();
  const validSource = simulatedHost(host.id, { run: validRun, seed: dice.below(2 ** 31) });
  const corpus = [source.next(Date.now()), source.next(Date.now())].map((sample) => Buffer.from(JSON.stringify(sample)));
  let time = Date.now();
  let sent = 0;
  let done = 0;
  const count = (kind: string, payload: Buffer): void => {
    report.kinds[kind] = (report.kinds[kind] ?? 0) + 1;
    const name = digest(host.id, payload);
    report.digests.set(name, (report.digests.get(name) ?? 0) + 1);
  };
  const next = (): { readonly tier: Tier; readonly payload: Buffer } => {
    // Never two samples of one time: (series, time) names a stored value.
    time = Math.max(Date.now(), time + 1);
    if (!dice.chance(VALID)) {
      const { kind, payload } = mutatePayload(shortened(source.next(time), dice), dice, corpus);
      count(kind, payload);
      return { tier: 'fast', payload };
    }
    // Of another tier: a damaged time can be that of another sample, which it then replaces, as it should.
    const valid = shortened(validSource.next(time), dice);
    const agent = [{ tags: { tier: 'slow' }, fields: { run: validRun, seq: valid.seq } }];
    const payload = Buffer.from(JSON.stringify({ ...valid, tier: 'slow', data: { ...valid.data, agent } }));
    count('valid', payload);
    report.valid.add(`${host.id} ${validRun} ${valid.seq}`);
    return { tier: 'slow', payload };
  };
  await new Promise<void>((resolve, reject) => {
    let connection: MqttConnection | null = null;
    const fill = (): void => {
      connection?.together(() => {
        for (; sent < share && sent - done < IN_FLIGHT; sent++, report.sent++) {
          const { tier, payload } = next();
          connection?.publish(topics.sample(host.id, tier), payload, false);
        }
      });
      if (done < share) return;
      connection?.end();
      resolve();
    };
    MqttConnection.open(
      { address: '127.0.0.1', port, clientId: host.id, username: host.id, password: host.token },
      {
        puback: () => {
          done++;
          report.pubacked++;
        },
        message: () => undefined,
        settled: fill,
        closed: () => {
          report.closed++;
          reject(new Error(`the broker closed the connection of ${host.id} after ${done} of ${sent} payloads`));
        },
      },
    ).then((opened) => {
      connection = opened;
      fill();
    }, reject);
  });
}

/** Most are small: what a payload holds is not what breaks a server. */
function shortened(sample: Sample, dice: Dice): Sample {
  const { cpu, mem, agent } = sample.data;
  return dice.chance(0.1) ? sample : { ...sample, data: { cpu: cpu?.slice(0, 1) ?? [], mem: mem ?? [], agent: agent ?? [] } };
}
