import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeSample, topics } from '@hostwire/model';
import { findCommand, freePort, systemSuite, tempDir, waitFor } from '@hostwire/testkit';
import { connectMqtt } from '@hostwire/transport';
import { expect, it, onTestFinished } from 'vitest';
import type { SeriesAnswerBody } from './api/schemas.ts';
import { silent, testServer } from './server.testkit.ts';

systemSuite(['mosquitto', 'influxd'], 'the flow on Mosquitto and InfluxDB', () => {
  it('answers what was published, enrols who publishes, and says when the broker is gone', async () => {
    const [mosquitto, influx] = await Promise.all([startMosquitto(), startInfluxDb()]);
    const brokerUrl = `mqtt://127.0.0.1:${mosquitto.port}`;
    const server = await testServer({ brokerUrl, store: 'influxdb', influxUrl: `http://127.0.0.1:${influx.port}` });
    const host = connectMqtt({ url: brokerUrl, clientId: 'pve1', logger: silent });
    onTestFinished(() => host.close());
    await waitFor(() => host.connected);
    let acks = 0;
    await host.subscribe(topics().ack('pve1'), () => {
      acks++;
    });
    const time = Date.now();
    const publish = (seq: number) =>
      host.publish(
        topics().sample('pve1', 'fast'),
        encodeSample({
          ...{ v: 1, host: 'pve1', tier: 'fast', run: 'r1', seq, time: time - 10_000 + seq, interval: 5, catalog: '' },
          data: { cpu: [{ tags: { cpu: 'cpu-total' }, fields: { usage_active: 10 * seq } }] },
        }),
        { qos: 1 },
      );
    await publish(1);
    await waitFor(() => server.server.live.get('pve1') !== undefined, { what: 'the new host' });
    await publish(2);
    await waitFor(() => acks === 2, { what: 'both acknowledgements' });

    const admin = await server.bearer('admin');
    const path = `/api/series?measurement=cpu&field=usage_active&where=cpu:cpu-total&from=${time - 10_000}&to=${time}&step=20s&aggregate=sum`;
    const answer = (await (await server.get(path, admin)).json()) as SeriesAnswerBody;
    expect(answer.series[0]?.values.reduce((sum, value) => (sum ?? 0) + (value ?? 0), 0)).toBe(30);
    expect(await (await server.get('/api/hosts', admin)).json()).toMatchObject({ hosts: [{ host: 'pve1', state: 'online', cpu: 20 }] });
    expect(await (await server.get('/health')).json()).toMatchObject({ degraded: [], roles: ['ingest', 'alerts', 'api'] });

    mosquitto.stop();
    await waitFor(async () => ((await (await server.get('/health')).json()) as { degraded: string[] }).degraded.includes('broker'));
  });
});

async function startMosquitto(): Promise<{ port: number; stop: () => void }> {
  const port = await freePort();
  const file = join(tempDir(), 'mosquitto.conf');
  writeFileSync(file, `listener ${port} 127.0.0.1\nallow_anonymous true\n`);
  return { port, stop: run('mosquitto', ['-c', file]) };
}

async function startInfluxDb(): Promise<{ port: number }> {
  const [port, rpc] = [await freePort(), await freePort()];
  const folder = tempDir();
  const file = join(folder, 'influxdb.conf');
  writeFileSync(
    file,
    [
      'reporting-disabled = true',
      `bind-address = "127.0.0.1:${rpc}"`,
      `[meta]\ndir = "${folder}/meta"`,
      `[data]\ndir = "${folder}/data"\nwal-dir = "${folder}/wal"`,
      `[http]\nbind-address = "127.0.0.1:${port}"`,
    ].join('\n'),
  );
  run('influxd', ['-config', file]);
  await waitFor(
    () =>
      fetch(`http://127.0.0.1:${port}/ping`).then(
        ({ ok }) => ok,
        () => false,
      ),
    { timeout: 30_000, what: 'InfluxDB' },
  );
  return { port };
}

function run(command: string, args: string[]): () => void {
  const child = spawn(findCommand(command) ?? command, args, { stdio: 'ignore' });
  const stop = (): void => void child.kill('SIGKILL');
  onTestFinished(stop);
  return stop;
}
