import { lookAtPort, type Observation, type WantedPort } from '@hostwire/service/doctor';
import type { ServerConfig } from '../../config/load-config.ts';
import { isLoopback, type KeptPort, keptAddress, reachable } from '../../kept-address.ts';
import type { RunningServer } from '../running-server.ts';
import type { ServerCheck } from '../server-look.ts';

/** Whether each port that this configuration listens on can be had, or is had by its own server. */
export const ports: ServerCheck = {
  name: 'ports',
  async run({ config, running }) {
    // Who cannot tell its own server from another program has nothing to say.
    if (running.unreadable !== null) return [];
    return Promise.all(wanted(config).map((port) => lookAt(port, config, running)));
  },
};

type Wanted = Omit<WantedPort, 'isOurs'> & { readonly kept: KeptPort | null };

function wanted(config: ServerConfig): Wanted[] {
  const { listen: address, roles, store, broker, port, mqttPort, mqttsPort, influxPort, metricsPort, tls } = config;
  const isBroker = roles.includes('broker') && broker.kind === 'embedded';
  const plain = reachable(address).replace(/^\[(.*)\]$/, '$1');
  const all: (Wanted | null)[] = [
    roles.includes('api') ? { what: 'the dashboard and API', address, port, option: '--port', kept: 'dashboard' } : null,
    isBroker ? { what: 'MQTT', address: tls.allowPlain ? address : plain, port: mqttPort, option: '--mqtt-port', kept: 'mqtt' } : null,
    isBroker && !isLoopback(address) ? { what: 'MQTT over TLS', address, port: mqttsPort, option: '--mqtts-port', kept: 'mqtts' } : null,
    roles.includes('ingest') && store.kind === 'embedded'
      ? { what: "InfluxDB's HTTP API", address, port: influxPort, option: '--influx-port', kept: 'influx' }
      : null,
    metricsPort === undefined ? null : { what: '/health and /metrics', address, port: metricsPort, option: '--metrics-port', kept: null },
  ];
  // 0 takes any free one.
  return all.filter((one): one is Wanted => one !== null && one.port !== 0);
}

function lookAt({ kept, ...port }: Wanted, { dataDir }: ServerConfig, { instances, pids }: RunningServer): Promise<Observation> {
  if (instances.length === 0) return lookAtPort({ ...port, isOurs: null });
  const keptPort = kept === null ? null : Number(new URL(keptAddress(dataDir, kept) ?? 'http://none:0').port);
  // Where this user may not look into the processes, what was kept has to do.
  return lookAtPort({ ...port, isOurs: (pid) => (pid !== null && pids.length > 0 ? pids.includes(pid) : keptPort === port.port) });
}
