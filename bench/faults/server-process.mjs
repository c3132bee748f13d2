// The server as the fault runs start and kill it, from its build: the options of the command line as JSON.
// With `--acknowledge-early` it is the control: its store says "durable" at once and writes a little later, as a server that
// acknowledges before the commit does. That one must lose data, or the fault run proves nothing.

import { join } from 'node:path';
import { loadConfig, startServer } from '@hostwire/server';
import { createLogger } from '@hostwire/service';
import { openEmbeddedStore, openInfluxStore } from '@hostwire/store';

const LATE_MS = 500;

const [options, flag] = process.argv.slice(2);
const logger = createLogger({ name: 'fault-run', level: process.env.HOSTWIRE_LOG_LEVEL ?? 'error' });
const config = loadConfig(JSON.parse(options), {});
await startServer({ config, logger, ...(flag === '--acknowledge-early' ? { store: early(await openStore()) } : {}) });
process.stdout.write('ready\n');

function openStore() {
  const { store, dataDir } = config;
  if (store.kind === 'influxdb') return openInfluxStore({ url: store.url, database: 'hostwire' });
  return openEmbeddedStore({ directory: join(dataDir, 'series') });
}

function early(store) {
  return {
    async write(groups) {
      setTimeout(() => void store.write(groups).catch(() => undefined), LATE_MS);
      return { rejected: [] };
    },
    query: (influxql, options) => store.query(influxql, options),
    close: () => store.close(),
  };
}
