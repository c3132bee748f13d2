import type { Topics } from '@hostwire/model';
import { allFilters } from './access.ts';

/** Header by which EMQX shows that it is the broker. */
export const BROKER_SECRET_HEADER = 'x-hostwire-broker-secret';

/**
 * The part of emqx.conf (EMQX 5, HOCON) that lets the server's API decide who connects, and who publishes and subscribes
 * what. Whatever the API does not allow, or not answer, is refused.
 */
export function emqxConf({
  apiUrl,
  secret,
  aclFile,
  caFile,
}: {
  readonly apiUrl: string;
  readonly secret: string;
  readonly aclFile: string;
  /** Of the CA behind an `apiUrl` with https; absent: those that EMQX's system knows. */
  readonly caFile?: string;
}): string {
  const trusted = caFile === undefined ? [] : [`      cacertfile = ${quote(caFile)}`];
  const isSecure = apiUrl.startsWith('https:');
  const ssl = isSecure ? ['    ssl {', '      enable = true', '      verify = verify_peer', ...trusted, '    }'] : [];
  const request = (path: string, body: readonly string[]): string[] => [
    '    method = post',
    `    url = ${quote(`${apiUrl}${path}`)}`,
    '    body {',
    ...body.map((name) => `      ${name} = "\${${name}}"`),
    '    }',
    '    headers {',
    '      "content-type" = "application/json"',
    `      ${quote(BROKER_SECRET_HEADER)} = ${quote(secret)}`,
    '    }',
    '    connect_timeout = 5s',
    '    request_timeout = 5s',
    '    pool_size = 16',
    ...ssl,
  ];
  return `${[
    '# For EMQX 5: include it at the end of emqx.conf.',
    'authentication = [',
    '  {',
    '    mechanism = password_based',
    '    backend = http',
    ...request('/mqtt/auth', ['username', 'password', 'clientid']),
    '  }',
    ']',
    '',
    'authorization {',
    '  no_match = deny',
    '  deny_action = disconnect',
    '  cache { enable = true, max_size = 256, ttl = 10s }',
    '  sources = [',
    '  {',
    '    type = file',
    `    path = ${quote(aclFile)}`,
    '  },',
    '  {',
    '    type = http',
    ...request('/mqtt/acl', ['username', 'clientid', 'action', 'topic']),
    '  }',
    '  ]',
    '}',
    '',
    '# The largest payload of a host and room for its topic.',
    'mqtt.max_packet_size = 257KB',
    '# The default of 1000 drops messages of a subscriber that falls behind.',
    'mqtt.max_mqueue_len = 100000',
    'mqtt.max_inflight = 200',
  ].join('\n')}\n`;
}

/** A file of EMQX's authorization rules: the server itself is let through without a question to itself. */
export function emqxAcl(serverName: string, topics: Topics): string {
  const filters = allFilters(topics).map((filter) => quote(filter));
  return `%% Rules that do not match leave the decision to the next source.
{allow, {user, ${quote(serverName)}}, all, [${filters.join(', ')}]}.
`;
}

/** A string of HOCON and of Erlang; what is given here holds no control characters. */
function quote(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}
