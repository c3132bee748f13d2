import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seriesStoreContract } from './contract.testkit.ts';
import { openEmbeddedStore } from './embedded/embedded-store.ts';
import { createInfluxHttp } from './http/influx-http.ts';
import { openInfluxStore } from './influxdb/influx-store.ts';

async function openEmbedded() {
  const directory = mkdtempSync(join(tmpdir(), 'hostwire-contract-'));
  const store = await openEmbeddedStore({ directory });
  return { store, dispose: async () => rmSync(directory, { recursive: true, force: true }) };
}

seriesStoreContract('embedded', openEmbedded);

seriesStoreContract('embedded, through its own InfluxDB port', async () => {
  const { store: embedded, dispose } = await openEmbedded();
  const server = createInfluxHttp({ store: embedded, authorize: async (shown) => shown?.token === 'internal', version: 'test' });
  const url = await server.listen({ port: 0, host: '127.0.0.1' });
  return {
    store: openInfluxStore({ url, token: 'internal', database: 'contract' }),
    dispose: async () => {
      await server.close();
      await embedded.close();
      await dispose();
    },
  };
});
