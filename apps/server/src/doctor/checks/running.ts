import { version } from '@hostwire/service';
import { couldNotLook, failure, fine, type Observation, warning } from '@hostwire/service/doctor';
import type { ServerCheck } from '../server-look.ts';

/** What a running server says that is not well, and what to do about it. */
const CURES: Readonly<Record<string, string>> = {
  'influx-port':
    'another program has the port of its InfluxDB API: stop that, or choose another with --influx-port, and start the server again',
  registry: 'its registry does not answer: see the findings of registry, and its log',
  broker: 'it has no connection to its broker: see the findings of broker',
  store: 'its store takes nothing: see the findings of series store and disk; agents keep their samples',
  journal: 'its journal takes nothing: see the findings of journal and disk; agents keep their samples',
  'plain-transport': 'what goes over the network can be read and changed there: use TLS and set allow_plain to false',
};

/** Whether a server runs on the data directory, and what it says of itself. */
export const running: ServerCheck = {
  name: 'server',
  async run({ config: { dataDir, roles }, running: { instances, unreadable, health, address } }) {
    if (unreadable !== null) return [couldNotLook(unreadable, `what runs on ${dataDir}`)];
    if (instances.length === 0) {
      return [
        warning(
          `no server runs on ${dataDir}`,
          'start it: systemctl start hostwire, or npm start in a checkout; if one runs elsewhere, give its --data-dir or --config',
        ),
      ];
    }
    const names = instances.join(', ');
    if (health === null) {
      if (!roles.includes('api')) return [fine(`${names} runs, without the API`)];
      return [
        failure(
          `${names} runs, and its API at ${address ?? 'no address'} does not answer`,
          'see its log: journalctl -u hostwire -n 50; if it hangs, stop it with SIGKILL, which loses nothing, and start it again',
        ),
      ];
    }
    const found: Observation[] = [fine(`${names} runs: version ${health.version}, roles ${health.roles.join(', ')}, at ${address}`)];
    if (health.version !== version) {
      found.push(
        warning(
          `the server that runs is version ${health.version}, this program ${version}`,
          'start the server again after an upgrade: systemctl restart hostwire',
        ),
      );
    }
    for (const name of health.degraded)
      found.push(warning(`the server says that this is not well: ${name}`, CURES[name] ?? 'see its log: journalctl -u hostwire -n 50'));
    return found;
  },
};
