import { join } from 'node:path';
import type { ServerConfig, ServerOptions } from '../config/load-config.ts';
import { hostRemoved } from '../host-removed.ts';
import { keptAddress } from '../kept-address.ts';
import { keptReach } from '../reach.ts';
import { serverKey } from '../server-key.ts';
import { tlsFolder } from '../tls/open-server-tls.ts';
import { UsageError } from './failure.ts';
import { formatTime, print, printJson, printTable } from './print.ts';
import { withRegistry } from './with-registry.ts';

/** Prints the token once; only its hash is kept. With a gateway the host has none. */
export function addHost(options: ServerOptions, host: string, gateway: string | undefined, json: boolean): Promise<void> {
  return withRegistry(options, async ({ hosts }, config) => {
    if (gateway !== undefined) {
      await hosts.addBehind(host, gateway);
      if (json) printJson({ host, gateway });
      else
        print(
          `Host ${host} added behind ${gateway}. In the agent.toml of ${gateway}:\n\n  [[remote]]\n  name = "${host}"\n  address = "${host}"`,
        );
      return;
    }
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

export interface HostSettings {
  /** Empty: it is in none. Absent: as it is. */
  readonly group: string | undefined;
  /** Empty: none speaks for it. Absent: as it is. */
  readonly gateway: string | undefined;
  /** Each `key=value`. */
  readonly label: readonly string[];
  /** Keys. */
  readonly unlabel: readonly string[];
}

/** Changes group, gateway and labels of a host; other labels stay. Throws UsageError if nothing is to be changed. */
export function setHost(
  options: ServerOptions,
  host: string,
  { group, gateway, label, unlabel }: HostSettings,
  json: boolean,
): Promise<void> {
  const added = label.map(parseLabel);
  if (group === undefined && gateway === undefined && added.length + unlabel.length === 0) {
    throw new UsageError(
      "host set changes --group GROUP ('' for none), --gateway HOST ('' for none), --label key=value, --unlabel key; none of them is given",
    );
  }
  return withRegistry(options, async ({ hosts }) => {
    const record = await hosts.update(host, ({ labels }) => ({
      ...(group === undefined ? {} : { group: group === '' ? null : group }),
      ...(gateway === undefined ? {} : { gateway: gateway === '' ? null : gateway }),
      labels: Object.fromEntries([...Object.entries(labels).filter(([key]) => !unlabel.includes(key)), ...added]),
    }));
    if (json) printJson({ host, group: record.group, labels: record.labels, gateway: record.gateway });
    else {
      const place = record.group === null ? 'no group' : `group ${record.group}`;
      const behind = record.gateway === null ? '' : `, behind ${record.gateway}`;
      print(`Host ${host} is in ${place}, labels: ${labelsText(record.labels) || 'none'}${behind}.`);
      if (gateway === '') print(`It has no token; \`hostwire host rotate ${host}\` or \`hostwire enroll ${host}\` gives it one.`);
    }
  });
}

export function listHosts(options: ServerOptions, json: boolean): Promise<void> {
  return withRegistry(options, async ({ hosts }) => {
    const records = await hosts.list();
    if (json) {
      printJson(
        records.map(({ host, group, labels, gateway, createdAt, firstSeenAt, lastSeenAt, info }) => ({
          host,
          group,
          labels,
          gateway,
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
      ['HOST', 'GROUP', 'LABELS', 'GATEWAY', 'ADDED', 'LAST SEEN', 'OS', 'AGENT'],
      records.map(({ host, group, labels, gateway, createdAt, lastSeenAt, info }) => [
        host,
        group ?? '-',
        labelsText(labels) || '-',
        gateway ?? '-',
        formatTime(createdAt),
        formatTime(lastSeenAt),
        info?.os ?? '-',
        info?.agent_version ?? '-',
      ]),
    );
  });
}

/** `key=value` as its two parts; the registry says whether they can be used. Throws UsageError without a `=`. */
export function parseLabel(text: string): [key: string, value: string] {
  const at = text.indexOf('=');
  if (at < 1) throw new UsageError(`--label ${text} is not key=value`);
  return [text.slice(0, at), text.slice(at + 1)];
}

export function labelsText(labels: Readonly<Record<string, string>>): string {
  return Object.keys(labels)
    .sort()
    .map((key) => `${key}=${labels[key]}`)
    .join(' ');
}

function printCredentials(host: string, token: string, config: ServerConfig, json: boolean, what: string): void {
  const key = serverKey(config.dataDir);
  if (json) {
    printJson({ host, token, server_key: key });
    return;
  }
  print(`Host ${host} ${what}. Its agent.toml (the token is shown only now):\n`);
  const reach = keptReach(config.dataDir);
  const port = new URL(keptAddress(config.dataDir, 'mqtt') ?? `mqtt://localhost:${config.mqttPort}`).port;
  const url = reach === null || reach.loopbackOnly ? `mqtt://THIS-SERVER:${port}` : reach.mqttUrl;
  print(`  server_url = "${url}"\n  host_id = "${host}"\n  token = "${token}"\n  server_key = "${key}"\n`);
  if (reach !== null && reach.caFingerprint !== null) {
    print(`  [tls]\n  ca = "/etc/hostwire/ca.pem"\n  ca_fingerprint = "${reach.caFingerprint}"\n`);
    print(`The CA to copy to that file of the host: ${join(tlsFolder(config.dataDir), 'ca.pem')}`);
  }
}
