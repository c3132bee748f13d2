import { MAX_PAYLOAD_BYTES, type Topics } from '@hostwire/model';
import type { MqttUser } from '@hostwire/registry';
import { allFilters, hostFilters, mayConnect, mayPress, mayRead, pressFilter } from './access.ts';

/** The user as which the server itself is on the broker. */
export interface ServerUser {
  readonly name: string;
  readonly hash: string;
}

/**
 * A password file of Mosquitto 2 (mosquitto_passwd(1)): everybody who may connect to the embedded broker may connect there
 * with the same token.
 */
export function mosquittoPasswords(users: readonly MqttUser[], server: ServerUser): string {
  return [server, ...users.filter(isOfUse)].map(({ name, hash }) => `${name}:${hash}\n`).join('');
}

/**
 * An ACL file of Mosquitto 2 (mosquitto.conf(5), acl_file). It refuses what no line allows. Subscriptions are granted to
 * everybody there, and what may not be read is not delivered.
 */
export function mosquittoAcl(users: readonly MqttUser[], server: ServerUser, topics: Topics): string {
  const host = hostFilters(topics, '%u');
  const both = host.subscribe.filter((filter) => host.publish.includes(filter));
  const lines = [
    '# Hosts: their own topics.',
    ...host.publish.map((filter) => `pattern ${both.includes(filter) ? 'readwrite' : 'write'} ${filter}`),
    ...host.subscribe.filter((filter) => !both.includes(filter)).map((filter) => `pattern read ${filter}`),
    '',
    '# The server.',
    `user ${server.name}`,
    ...allFilters(topics).map((filter) => `topic readwrite ${filter}`),
  ];
  for (const user of users) {
    if (user.kind === 'host' && user.speaksFor.length > 0) lines.push('', ...gatewayLines(user, topics));
    if (user.kind === 'host' || !isOfUse(user)) continue;
    const { scopes } = user.record;
    lines.push(
      '',
      `user ${user.name}`,
      // The patterns hold for every user: without this one could speak as a host of its name.
      `topic deny ${topics.root}/v1/${user.name}/#`,
      ...(mayRead(scopes) ? allFilters(topics).map((filter) => `topic read ${filter}`) : []),
      ...(mayPress(scopes) ? [`topic write ${pressFilter(topics)}`] : []),
    );
  }
  return `${lines.join('\n')}\n`;
}

/** A gateway connects once for each host behind it, with that host's name as the client id and its own as the user's. */
function gatewayLines({ name, speaksFor }: Extract<MqttUser, { kind: 'host' }>, topics: Topics): string[] {
  const lines = speaksFor.flatMap((host) => {
    const { publish, subscribe } = hostFilters(topics, host);
    return [...publish.map((filter) => `topic write ${filter}`), ...subscribe.map((filter) => `topic read ${filter}`)];
  });
  return ['# A gateway: the topics of the hosts behind it.', `user ${name}`, ...new Set(lines)];
}

/** What mosquitto.conf needs, to be included in it. `persistence_location` is left to it: that may stand there only once. */
export function mosquittoConf({
  port,
  passwordFile,
  aclFile,
  certFile,
  keyFile,
}: {
  readonly port: number;
  readonly passwordFile: string;
  readonly aclFile: string;
  /** For TLS; absent: whoever runs it adds them. */
  readonly certFile?: string;
  readonly keyFile?: string;
}): string {
  const tls =
    certFile === undefined || keyFile === undefined
      ? '# For TLS add certfile and keyfile.'
      : `certfile ${certFile}\nkeyfile ${keyFile}\ntls_version tlsv1.2`;
  return `# For Mosquitto 2. Include it: include_dir, or mosquitto -c.
# Every interface; \`listener ${port} 127.0.0.1\` is this machine only.
listener ${port}
${tls}
allow_anonymous false
password_file ${passwordFile}
acl_file ${aclFile}

# The largest payload of a host and room for its topic; more ends the connection.
max_packet_size ${MAX_PAYLOAD_BYTES + 1024}

# The default of 1000 silently drops acknowledged messages of a subscriber that falls behind.
max_queued_messages 100000
max_queued_bytes 268435456
max_inflight_messages 200
set_tcp_nodelay true

# Retained messages outlive a restart. Samples need not: hosts keep them until the server says that they are stored.
persistence true
autosave_interval 300
# Sessions that nobody comes back to must not queue for ever.
persistent_client_expiration 1d
`;
}

function isOfUse(user: MqttUser): boolean {
  return user.kind === 'host' || mayConnect({ kind: 'token', name: user.name, scopes: user.record.scopes });
}
