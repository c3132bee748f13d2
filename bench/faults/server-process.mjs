// The server as the fault run starts and kills it, from its build: all roles, no agent.
// With `--acknowledge-early` it is the control: its store says "durable" at once and writes a little later, as a server that
// acknowledges before the commit does. That one must lose data, or the fault run proves nothing.

import { join } from 'node:path';
import { loadConfig, startServer } from '@hostwire/server';
import { createLogger } from '@hostwire/service';
import { openEmbeddedStore } from '@hostwire/store';

const LATE_MS = 500;

const [dataDir, mqttPort, flag] = process.argv.slice(2);
const logger = createLogger({ name: 'fault-run', level: 'error' });
const config = loadConfig({ dataDir, mqttPort, port: 0, influxPort: 0 }, {});
const early = flag === '--acknowledge-early';
await startServer({ config, logger, ...(early ? { store: await openEarly(join(dataDir, 'series')) } : {}) });
process.stdout.write('ready\n');

async function openEarly(directory) {
  const store = await openEmbeddedStore({ directory });
  return {
    async write(groups) {
      setTimeout(() => void store.write(groups), LATE_MS);
      return { rejected: [] };
    },
    query: (influxql, options) => store.query(influxql, options),
    close: () => store.close(),
  };
}
