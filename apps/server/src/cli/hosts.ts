import type { ServerConfig, ServerOptions } from '../config/load-config.ts';
import { hostRemoved } from '../host-removed.ts';
import { keptAddress } from '../kept-address.ts';
import { formatTime, print, printJson, printTable } from './print.ts';
import { serverKey } from './server-key.ts';
import { withRegistry } from './with-registry.ts';

/** Prints the token once; only its hash is kept. */
export function addHost(options: ServerOptions, host: string, json: boolean): Promise<void> {
  return withRegistry(options, async ({ hosts }, config) => {
    const { token } = await hosts.add(host);
    printCredentials(host, token, config, json, 'added');
  });
}

export function rotateHost(options: ServerOptions, host: string, json: boolean): Promise<void> {
  return withRegistry(options, async ({ hosts }, config) => {
    const { token } = await hosts.rotate(host);
    printCredentials(host, token, config, json, 'has a new token; the old one is refused from now on');
  });
}

export function removeHost(options: ServerOptions, host: string, json: boolean): Promise<void> {
  return withRegistry(options, async ({ hosts }) => {
    await hosts.remove(host);
    if (json) printJson({ host, removed: true });
    else print(hostRemoved(host));
  });
}

export function listHosts(options: ServerOptions, json: boolean): Promise<void> {
  return withRegistry(options, async ({ hosts }) => {
    const records = await hosts.list();
    if (json) {
      printJson(
        records.map(({ host, createdAt, firstSeenAt, lastSeenAt, info }) => ({
          host,
          created_at: createdAt,
          first_seen: firstSeenAt,
          last_seen: lastSeenAt,
          os: info?.os ?? null,
          agent_version: info?.agent_version ?? null,
        })),
      );
      return;
    }
    printTable(
      ['HOST', 'ADDED', 'LAST SEEN', 'OS', 'AGENT'],
      records.map(({ host, createdAt, lastSeenAt, info }) => [
        host,
        formatTime(createdAt),
        formatTime(lastSeenAt),
        info?.os ?? '-',
        info?.agent_version ?? '-',
      ]),
    );
  });
}

function printCredentials(host: string, token: string, config: ServerConfig, json: boolean, what: string): void {
  const key = serverKey(config.dataDir);
  if (json) {
    printJson({ host, token, server_key: key });
    return;
  }
  print(`Host ${host} ${what}. Its agent.toml (the token is shown only now):\n`);
  const port = new URL(keptAddress(config.dataDir, 'mqtt') ?? `mqtt://localhost:${config.mqttPort}`).port;
  print(`  server_url = "mqtt://THIS-SERVER:${port}"\n  host_id = "${host}"\n  token = "${token}"\n`);
  print(`Server key, with which commands are signed: ${key}`);
}
