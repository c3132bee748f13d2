import { setTimeout as sleep } from 'node:timers/promises';
import { type Ack, topics as makeTopics, newRunId } from '@hostwire/model';
import { Latencies } from '../load/latency.ts';
import { MqttConnection } from '../load/mqtt-connection.ts';
import { simulatedHost } from '../simulated-host.ts';
import { poison } from './poison.ts';
import type { Host } from './server-under-test.ts';

const topics = makeTopics();

export interface InterleavedReport {
  readonly invalid: number;
  readonly samples: number;
  readonly acked: number;
  /** Acknowledged samples per second, from the first acknowledgement to the last. */
  readonly samplesPerSecond: number;
  readonly p50: number;
  readonly p99: number;
}

const DRAIN_MS = 20_000;

/**
 * One host that publishes `rate` samples a second, and between each two of them `invalid` messages that are none, all on one
 * connection and without waiting for any answer.
 */
export async function publishInterleaved(
  { port, host, rate, seconds, invalid }: { port: number; host: Host; rate: number; seconds: number; invalid: number },
  address = '127.0.0.1',
): Promise<InterleavedReport> {
  const run = newRunId();
  const source = simulatedHost(host.id, { run });
  // Without the bomb: a thousand of them in a second are another attack.
  const bodies = poison(host.id).slice(0, -1);
  const published = new Map<number, number>();
  const latencies = new Latencies();
  const total = rate * seconds;
  let time = 0;
  let acked = 0;
  let lost = false;
  let first = 0;
  let last = 0;
  const connection = await MqttConnection.open(
    { address, port, clientId: host.id, username: host.id, password: host.token },
    {
      puback: () => undefined,
      message: (_topic, payload) => {
        const ack = JSON.parse(payload.toString()) as Ack;
        if (ack.run !== run) return;
        for (const [from, to] of ack.seqs ?? []) {
          for (let seq = from; seq <= to; seq++) {
            const at = published.get(seq);
            if (at === undefined || !published.delete(seq)) continue;
            acked++;
            last = performance.now();
            if (acked === 1) first = last;
            latencies.add(last - at);
          }
        }
      },
      settled: () => undefined,
      closed: () => {
        lost = true;
      },
    },
  );
  connection.subscribe(topics.ack(host.id));
  const topic = topics.sample(host.id, 'fast');
  const began = performance.now();
  let sent = 0;
  for (let count = 0; count < total && !lost; count++) {
    connection.together(() => {
      for (let i = 0; i < invalid; i++) connection.publish(topic, bodies[sent++ % bodies.length] ?? Buffer.alloc(0), false);
      // Never two samples of one time: (series, time) names a stored value.
      time = Math.max(Date.now(), time + 1);
      const sample = source.next(time);
      published.set(sample.seq, performance.now());
      connection.publish(topic, Buffer.from(JSON.stringify(sample)), true);
    });
    const due = began + ((count + 1) * 1000) / rate;
    await sleep(Math.max(1, due - performance.now()));
  }
  for (const end = performance.now() + DRAIN_MS; acked < total && !lost && performance.now() < end; ) await sleep(5);
  if (!lost) connection.end();
  return {
    invalid: sent,
    samples: total,
    acked,
    samplesPerSecond: (acked - 1) / ((last - first) / 1000),
    p50: latencies.percentile(0.5),
    p99: latencies.percentile(0.99),
  };
}
