import { resolve } from 'node:path';
import { parseDuration } from '@hostwire/model';
import { SCOPES, type Scope } from '@hostwire/registry';
import type { ServerOptions } from '../config/load-config.ts';
import { readOrNull, replaceFile } from '../replace-file.ts';
import { UsageError } from './failure.ts';
import { formatTime, print, printJson, printTable } from './print.ts';
import { withRegistry } from './with-registry.ts';

const MAX_LIFE_MS = 36_500 * 86_400_000;

export interface NewToken {
  readonly name: string;
  readonly scopes: readonly string[];
  readonly expires: string | undefined;
  /** Where it is written to (0600) instead of being printed. */
  readonly file: string | undefined;
}

/**
 * Prints the token once; only its hash is kept. With a file it is written there, and a file that holds a good token of that name
 * and at least those scopes stays as it is: so it can be run at each start.
 */
export async function addToken(options: ServerOptions, { name, scopes, expires, file }: NewToken, json: boolean): Promise<void> {
  const bad = scopes.find((scope) => !SCOPES.includes(scope as Scope));
  if (scopes.length === 0 || bad !== undefined) {
    throw new UsageError(`--scope ${bad === undefined ? 'is missing' : `${bad} is not known`}; it is some of ${SCOPES.join(', ')}`);
  }
  const lasts = expires === undefined ? null : parseDuration(expires);
  if (expires !== undefined && (lasts === null || lasts === 0 || lasts > MAX_LIFE_MS)) {
    throw new UsageError(`--expires ${expires} is not a duration such as 12h or 30d, at most 36500d`);
  }
  await withRegistry(options, async ({ tokens }) => {
    const kept = file === undefined ? null : await tokens.check(readOrNull(file)?.trim() ?? '');
    if (file !== undefined && kept?.name === name && scopes.every((scope) => kept.scopes.includes(scope as Scope))) {
      if (json) printJson({ name, scopes: kept.scopes, expires_at: kept.expiresAt, file });
      else print(`Token ${name} is in ${file} already.`);
      return;
    }
    // The one that was in the file is lost.
    if (file !== undefined && (await tokens.list()).some((record) => record.name === name)) await tokens.remove(name);
    const { token, record } = await tokens.add(name, scopes as Scope[], lasts === null ? undefined : Date.now() + lasts);
    if (file !== undefined) {
      replaceFile(resolve(file), `${token}\n`);
      if (json) printJson({ name, scopes: record.scopes, expires_at: record.expiresAt, file });
      else print(`Token ${name} (${record.scopes.join(', ')}) is in ${file}.`);
      return;
    }
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
