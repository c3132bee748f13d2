import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadConfig, startServer } from '@hostwire/server';
import { createLogger } from '@hostwire/service';
import { openEmbeddedStore } from '@hostwire/store';
import { waitFor } from '@hostwire/testkit';
import type { Host } from './stack.ts';

export interface TestServer {
  readonly brokerUrl: string;
  enrol(id: string): Promise<Host>;
  /** Called with each change of an alert. The result removes the listener. */
  onAlert(
    listener: (alert: { readonly id: string; readonly rule: string; readonly host: string; readonly state: string }) => void,
  ): () => void;
  /** Measurement `agent` of a host, all that the store has of it, whatever its time. */
  agentRows(host: string): Promise<{ readonly time: number; readonly run: string; readonly seq: number }[]>;
  /** Measurement `gap` of a host. */
  gapRows(host: string): Promise<{ readonly reason: string; readonly from: number; readonly to: number; readonly count: number }[]>;
  /** A counter on /metrics, 0 if it is not there. */
  counter(name: string): Promise<number>;
  close(): Promise<void>;
}

/** All roles in this process, on a free port, with these alert rules. */
export async function startTestServer(folder: string, rules: string): Promise<TestServer> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const rulesFile = join(folder, 'rules.toml');
  writeFileSync(rulesFile, rules);
  const store = await openEmbeddedStore({ directory: join(folder, 'series') });
  await store.createDatabase('hostwire');
  const config = loadConfig({ dataDir: folder, mqttPort: 0, port: 0, influxPort: 0, rules: rulesFile }, {});
  const server = await startServer({ config, logger: createLogger({ name: 'test-server', level: 'silent' }), store });
  const alerting = await waitFor(() => server.alerting(), { what: 'the lead of the alerts' });
  const { token } = await server.registry.tokens.add('reader', ['api:read']);
  const rows = async (measurement: string, fields: string, host: string) => {
    const { results } = await store.query(`SELECT ${fields} FROM ${measurement} WHERE host = '${host}' GROUP BY *`, {
      database: 'hostwire',
      epoch: 'ms',
    });
    if (results[0]?.error !== undefined) throw new Error(results[0].error);
    return (results[0]?.series ?? []).flatMap(({ tags = {}, values }) => values.map((value) => ({ tags, value })));
  };
  return {
    brokerUrl: `mqtt://127.0.0.1:${server.ports.mqtt}`,
    enrol: async (id) => ({ id, token: (await server.registry.hosts.add(id)).token }),
    onAlert: (listener) => alerting.onEvent(({ alert }) => listener(alert)),
    async agentRows(host) {
      const found = await rows('agent', 'run, seq', host);
      return found.map(({ value: [time, run, seq] }) => ({ time: Number(time), run: String(run), seq: Number(seq) }));
    },
    async gapRows(host) {
      const found = await rows('gap', '"from", "to", "count"', host);
      return found.map(({ tags, value: [, from, to, count] }) => ({
        reason: tags['reason'] ?? '',
        from: Number(from),
        to: Number(to),
        count: Number(count),
      }));
    },
    async counter(name) {
      const answer = await fetch(`http://127.0.0.1:${server.ports.http}/metrics`, { headers: { authorization: `Bearer ${token}` } });
      const line = (await answer.text()).split('\n').find((text) => text.startsWith(`${name} `));
      return Number(line?.split(' ')[1] ?? 0);
    },
    async close() {
      await server.close();
      await store.close();
    },
  };
}
