import { startInfluxd, startMosquitto, systemSuite, tempDir, waitFor } from '@hostwire/testkit';
import { expect, it, onTestFinished } from 'vitest';
import { type LoadReport, runLoad } from '../load/run-load.ts';
import { sizeOf } from './dice.ts';
import { publishInterleaved } from './interleaved-host.ts';
import { floodWithPoison } from './poison.ts';
import { print } from './print.ts';
import { ServerUnderTest } from './server-under-test.ts';

const SECONDS = sizeOf('HOSTWIRE_FLOOD_SECONDS', 8);
/** Samples per second of all good hosts together. */
const RATE = 200;
/**
 * Full rate: what the good hosts offer per second is acknowledged per second, as without a flood in the same run. (A short
 * run loses some per cent by the last acknowledgements alone, which come after its end.)
 */
const FULL = 0.9;
/** More than any window: a flood that stays below it proves nothing. */
const LEAST = 5000;

it('invalid messages of one host, and of several, leave the good hosts their full rate', { timeout: 60_000 + SECONDS * 3000 }, async () => {
  const server = await ServerUnderTest.start({ folder: tempDir(), hosts: { good: 10, hostile: 8 } });
  onTestFinished(() => server.kill());
  const good = (): Promise<LoadReport> =>
    runLoad({ port: server.mqttPort, hosts: server.hosts('good'), mode: 'ack', rate: RATE, seconds: SECONDS });
  const flooded = async (hosts: number): Promise<{ report: LoadReport; invalid: number }> => {
    const stop = new AbortController();
    const floods = server
      .hosts('hostile')
      .slice(0, hosts)
      .map((host) => floodWithPoison({ port: server.mqttPort, host, signal: stop.signal }));
    const report = await good();
    stop.abort();
    return { report, invalid: (await Promise.all(floods)).reduce((sum, { pubacked }) => sum + pubacked, 0) };
  };

  await good();
  const calm = await good();
  for (const hosts of [1, 8]) {
    const { report, invalid } = await flooded(hosts);
    const ratio = part(report) / part(calm);
    const { samples, acked, samplesPerSecond, latencyMs } = report;
    print(`poison flood of ${hosts} hosts`, {
      invalidPerSecond: Math.round(invalid / report.seconds),
      ratio,
      samples,
      acked,
      samplesPerSecond,
      latencyMs,
      calmLatencyMs: calm.latencyMs,
    });
    expect(invalid).toBeGreaterThan(LEAST);
    expect(report).toMatchObject({ left: 0, reconnects: 0, acked: samples });
    expect(ratio).toBeGreaterThan(FULL);
  }
  expect(server.running).toBe(true);
});

it('good samples between invalid ones of the same host arrive at full rate', { timeout: 60_000 + SECONDS * 2000 }, async () => {
  const server = await ServerUnderTest.start({ folder: tempDir(), hosts: { mixed: 1 } });
  onTestFinished(() => server.kill());
  await compareInterleaved('the same host', server, server.mqttPort);
});

systemSuite(['mosquitto', 'influxd'], 'with Mosquitto and InfluxDB', () => {
  it('good samples between invalid ones of the same host arrive at full rate, also in InfluxDB', {
    timeout: 90_000 + SECONDS * 2000,
  }, async () => {
    const mosquitto = await startMosquitto();
    onTestFinished(() => mosquitto.stop());
    const influxd = await startInfluxd();
    onTestFinished(() => influxd.stop());
    const server = await ServerUnderTest.start({
      folder: tempDir(),
      hosts: { mixed: 1 },
      args: ['--broker-url', mosquitto.url, '--store', 'influxdb', '--influx-url', influxd.url],
    });
    onTestFinished(() => server.kill());
    const acked = await compareInterleaved('the same host, with Mosquitto and InfluxDB', server, Number(new URL(mosquitto.url).port));
    const query = new URLSearchParams({ db: 'hostwire', q: 'SELECT count(seq) FROM agent' });
    const stored = async (): Promise<number> => {
      const answer = (await (await fetch(`${influxd.url}/query?${query}`)).json()) as InfluxAnswer;
      return Number(answer.results[0]?.series?.[0]?.values[0]?.[1] ?? 0);
    };
    await waitFor(async () => (await stored()) === acked, { timeout: 10_000, what: 'all that was acknowledged to be in InfluxDB' });
  });
});

interface InfluxAnswer {
  readonly results: readonly { readonly series?: readonly { readonly values: readonly (readonly unknown[])[] }[] }[];
}

/** Of the offered rate, what was acknowledged. */
function part({ samples, samplesPerSecond }: LoadReport): number {
  return samplesPerSecond / (samples / SECONDS);
}

/** Returns how many samples were acknowledged in all. */
async function compareInterleaved(what: string, server: ServerUnderTest, port: number): Promise<number> {
  const [host] = server.hosts('mixed');
  if (host === undefined) throw new Error('no host');
  const run = (invalid: number, seconds: number) => publishInterleaved({ port, host, rate: 20, seconds, invalid });
  const first = await run(0, 2);
  const calm = await run(0, SECONDS);
  const mixed = await run(Math.ceil(LEAST / SECONDS / 20) + 10, SECONDS);
  const ratio = mixed.samplesPerSecond / calm.samplesPerSecond;
  print(`poison between the samples of ${what}`, { ratio, ...mixed, calm });
  expect(mixed.invalid).toBeGreaterThan(LEAST);
  expect(mixed.acked).toBe(mixed.samples);
  expect(ratio).toBeGreaterThan(FULL);
  expect(server.running).toBe(true);
  return first.acked + calm.acked + mixed.acked;
}
