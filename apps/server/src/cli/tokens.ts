import { parseDuration } from '@hostwire/model';
import { SCOPES, type Scope } from '@hostwire/registry';
import type { ServerOptions } from '../config/load-config.ts';
import { UsageError } from './failure.ts';
import { formatTime, print, printJson, printTable } from './print.ts';
import { withRegistry } from './with-registry.ts';

const MAX_LIFE_MS = 36_500 * 86_400_000;

/** Prints the token once; only its hash is kept. */
export async function addToken(
  options: ServerOptions,
  name: string,
  scopes: readonly string[],
  expires: string | undefined,
  json: boolean,
): Promise<void> {
  const bad = scopes.find((scope) => !SCOPES.includes(scope as Scope));
  if (scopes.length === 0 || bad !== undefined) {
    throw new UsageError(`--scope ${bad === undefined ? 'is missing' : `${bad} is not known`}; it is some of ${SCOPES.join(', ')}`);
  }
  const lasts = expires === undefined ? null : parseDuration(expires);
  if (expires !== undefined && (lasts === null || lasts === 0 || lasts > MAX_LIFE_MS)) {
    throw new UsageError(`--expires ${expires} is not a duration such as 12h or 30d, at most 36500d`);
  }
  await withRegistry(options, async ({ tokens }) => {
    const { token, record } = await tokens.add(name, scopes as Scope[], lasts === null ? undefined : Date.now() + lasts);
    if (json) {
      printJson({ name, scopes: record.scopes, expires_at: record.expiresAt, token });
      return;
    }
    print(
      `Token ${name} (${record.scopes.join(', ')}), ${record.expiresAt === null ? 'without an end' : `until ${formatTime(record.expiresAt)}`}.`,
    );
    print(`It is shown only now:\n\n  ${token}\n`);
    print(`For MQTT the username is ${name}.`);
  });
}

export function removeToken(options: ServerOptions, name: string, json: boolean): Promise<void> {
  return withRegistry(options, async ({ tokens }) => {
    await tokens.remove(name);
    if (json) printJson({ name, removed: true });
    else print(`Token ${name} removed: it is refused from now on.`);
  });
}

export function listTokens(options: ServerOptions, json: boolean): Promise<void> {
  return withRegistry(options, async ({ tokens }) => {
    const records = await tokens.list();
    if (json) {
      printJson(
        records.map(({ name, scopes, createdAt, expiresAt, lastUsedAt }) => ({
          name,
          scopes,
          created_at: createdAt,
          expires_at: expiresAt,
          last_used: lastUsedAt,
        })),
      );
      return;
    }
    printTable(
      ['NAME', 'SCOPES', 'MADE', 'EXPIRES', 'LAST USED'],
      records.map(({ name, scopes, createdAt, expiresAt, lastUsedAt }) => [
        name,
        scopes.join(' '),
        formatTime(createdAt),
        formatTime(expiresAt),
        formatTime(lastUsedAt),
      ]),
    );
  });
}
