import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { redactUrl } from '@hostwire/service';
import { failure, fine, type Observation, warning } from '@hostwire/service/doctor';
import type { StoreConfig } from '../../config/load-config.ts';
import { keptAddress } from '../../kept-address.ts';
import { askInflux, reasonOf } from '../influx-probe.ts';
import type { ServerCheck } from '../server-look.ts';

const SQLITE_HEADER = 'SQLite format 3\0';

/** Whether series can be stored and read. */
export const seriesStore: ServerCheck = {
  name: 'series store',
  async run({ config: { store, dataDir, roles } }, signal) {
    if (store.kind === 'influxdb') return [await lookAtInflux(store, signal)];
    if (roles.includes('ingest')) return lookAtFiles(join(dataDir, 'series'));
    const address = store.url ?? keptAddress(dataDir, 'influx');
    if (address !== null) return [await lookAtSibling(address, signal)];
    return [
      failure(`no process with the role ingest has run on ${dataDir}, which would have the store`, 'start one, or use --store influxdb'),
    ];
  },
};

async function lookAtInflux(store: Extract<StoreConfig, { kind: 'influxdb' }>, signal: AbortSignal): Promise<Observation> {
  const shown = redactUrl(store.url);
  try {
    const { status, isInflux } = await askInflux(store, signal);
    if (status === 401 || status === 403) {
      const sent = store.token !== undefined ? 'token' : 'username and password';
      const isAnonymous = store.token === undefined && store.username === undefined;
      const said = isAnonymous ? 'wants credentials, and there are none' : `refuses the ${sent}`;
      return failure(
        `InfluxDB at ${shown} ${said} (HTTP ${status})`,
        'give credentials that may read and write: HOSTWIRE_INFLUX_TOKEN, or HOSTWIRE_INFLUX_USERNAME and HOSTWIRE_INFLUX_PASSWORD',
      );
    }
    if (status >= 500) return failure(`InfluxDB at ${shown} answers HTTP ${status}`, 'see its log; samples wait in the journal meanwhile');
    if (!isInflux)
      return failure(
        `what answers at ${shown} is not InfluxDB (HTTP ${status})`,
        'correct store.url (HOSTWIRE_INFLUX_URL): http://host:8086',
      );
    if (status !== 200)
      return warning(
        `InfluxDB at ${shown} answers HTTP ${status} when it is asked for its databases`,
        'give it a token that may read: HOSTWIRE_INFLUX_TOKEN',
      );
    return fine(`InfluxDB at ${shown} answers, and takes the credentials`);
  } catch (error) {
    return failure(
      `InfluxDB at ${shown} does not answer (${reasonOf(error)})`,
      'start it, or correct store.url (HOSTWIRE_INFLUX_URL), and see that no firewall is between; samples wait in the journal meanwhile',
    );
  }
}

async function lookAtSibling(address: string, signal: AbortSignal): Promise<Observation> {
  try {
    const answer = await fetch(`${address}/ping`, { signal });
    return answer.status === 204
      ? fine(`the store of another process answers at ${address}`)
      : failure(
          `what answers at ${address} is no series store (HTTP ${answer.status})`,
          'start the process with the role ingest, or correct store.url',
        );
  } catch (error) {
    return failure(
      `the store of another process does not answer at ${address} (${reasonOf(error)})`,
      'start the process with the role ingest',
    );
  }
}

/** Each of its files begins as a database does; those that were found damaged were renamed. */
async function lookAtFiles(folder: string): Promise<Observation[]> {
  const names = await readdir(folder, { recursive: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (names === null) return [fine(`${folder} is not there yet; the first start makes it`)];
  const setAside = names.filter((name) => /\.bad\d*$/.test(name));
  const files = names.filter((name) => name.endsWith('.db'));
  const headers = await Promise.all(files.map((name) => firstBytes(join(folder, name), SQLITE_HEADER.length)));
  // A file that was made a moment ago is empty.
  const damaged = files.filter((_, at) => !['', SQLITE_HEADER].includes(headers[at] ?? ''));
  const restore =
    'restore it from a backup while the server is stopped; without one delete it: what it held is lost, and everything else goes on';
  const found = [
    ...damaged.map((name) => failure(`${join(folder, name)} is damaged: it is no database`, restore)),
    ...setAside.map((name) => warning(`${join(folder, name)} was found damaged and set aside`, restore)),
  ];
  return found.length > 0 ? found : [fine(`the embedded store in ${folder} has ${files.length} files`)];
}

async function firstBytes(path: string, length: number): Promise<string> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, 0);
    return buffer.toString('latin1', 0, bytesRead);
  } finally {
    await file.close();
  }
}
