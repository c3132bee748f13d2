import { startScriptedInflux, waitFor } from '@hostwire/testkit';
import { expect, it, onTestFinished } from 'vitest';
import { testServer } from '../src/server.testkit.ts';

it('while InfluxDB answers nothing, samples are acknowledged and live values go on; /health and /metrics say how it stands', async () => {
  const influx = await startScriptedInflux();
  onTestFinished(() => influx.stop());
  const server = await testServer({ store: 'influxdb', influxUrl: influx.url });
  const bearer = await server.bearer('admin');
  const health = async (): Promise<string[]> => ((await (await server.get('/health')).json()) as { degraded: string[] }).degraded;
  const level = async (name: string): Promise<number> => {
    const text = await (await server.get('/metrics', bearer)).text();
    return Number(new RegExp(`^hostwire_${name} (\\S+)$`, 'm').exec(text)?.[1] ?? Number.NaN);
  };
  const host = await server.host('pve1');
  const send = (usage: number) => host.send({ cpu: [{ tags: { cpu: 'cpu-total' }, fields: { usage_active: usage } }] });
  const shown = (): unknown => server.server.live.get('pve1')?.latest('cpu')?.rows[0]?.fields['usage_active'];
  const storedValues = (): number => new Set(influx.lines.filter((line) => line.startsWith('cpu,'))).size;

  await send(1);
  await waitFor(() => storedValues() === 1, { what: 'the first sample in InfluxDB' });
  expect(await health()).toEqual([]);
  influx.script = () => ({ status: 503 });
  for (let usage = 2; usage <= 20; usage++) {
    // Resolves at PUBACK, which is given when it is in the journal.
    await send(usage);
    expect(shown()).toBe(usage);
  }
  await waitFor(async () => (await health()).includes('store'), { what: 'a store that is degraded' });
  expect(await level('ingest_drain_lag_samples')).toBe(19);
  expect(await level('ingest_store_available')).toBe(0);
  expect(await level('ingest_journal_bytes')).toBeGreaterThan(0);
  expect(await level('ingest_samples_total')).toBe(20);
  influx.script = () => null;
  await waitFor(() => storedValues() === 20, { timeout: 30_000, what: 'all of them in InfluxDB' });
  await waitFor(async () => (await health()).length === 0);
  expect(await level('ingest_drain_lag_samples')).toBe(0);
});
