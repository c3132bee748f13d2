import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type PostgresDaemon, startPostgres, systemSuite, waitFor } from '@hostwire/testkit';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { auditContract } from './audit-contract.testkit.ts';
import { enrolmentContract } from './enrolment-contract.testkit.ts';
import { gatewayContract } from './gateway-contract.testkit.ts';
import { writeMeta } from './migrations.ts';
import { openRegistry, type RegistryOptions } from './open-registry.ts';
import { postgresBackend } from './postgres-database.ts';
import type { Registry } from './registry.ts';
import { registryContract } from './registry-contract.testkit.ts';
import { remoteConfigContract } from './remote-config-contract.testkit.ts';

systemSuite(['postgres', 'initdb', 'psql', 'openssl'], 'a registry in PostgreSQL', () => {
  let postgres: PostgresDaemon;

  beforeAll(async () => {
    postgres = await startPostgres();
  });

  afterAll(() => postgres.stop());

  registryContract(() => ({ url: postgres.createDatabase() }));
  enrolmentContract(() => ({ url: postgres.createDatabase() }));
  gatewayContract(() => ({ url: postgres.createDatabase() }));
  remoteConfigContract(() => ({ url: postgres.createDatabase() }));
  auditContract(() => ({ url: postgres.createDatabase() }));

  async function open(url: string, options: Partial<RegistryOptions> = {}): Promise<Registry> {
    const registry = await openRegistry({ url, ...options } as RegistryOptions);
    onTestFinished(() => registry.close());
    return registry;
  }

  describe('several processes', () => {
    it('may make the schema at once', async () => {
      const url = postgres.createDatabase();
      const registries = await Promise.all(Array.from({ length: 5 }, () => open(url)));
      await Promise.all(registries.map((registry, index) => registry.hosts.add(`host${index}`)));
      for (const registry of registries) expect(await registry.hosts.list()).toHaveLength(5);
    });

    it('see each change of hosts and tokens, also of those made at once', async () => {
      const url = postgres.createDatabase();
      const [one, two, three] = [await open(url), await open(url), await open(url)];
      const adding = [one, two].flatMap((registry, index) => Array.from({ length: 20 }, (_, i) => registry.hosts.add(`host${index}-${i}`)));
      const tokens = (await Promise.all(adding)).map(({ token }, at) => [`host${Math.floor(at / 20)}-${at % 20}`, token] as const);
      await sleep(1500);
      for (const registry of [one, two, three]) {
        for (const [host, token] of tokens) expect(await registry.tokens.checkMqtt(host, token)).toMatchObject({ ok: true, host });
      }
      const race = await Promise.allSettled([one.hosts.add('same'), two.tokens.add('same', ['admin']), three.hosts.add('same')]);
      expect(race.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      for (const { reason } of race.filter((result) => result.status === 'rejected')) expect(reason).toMatchObject({ code: 'exists' });
    });

    it('write the same rows in any order without waiting for each other for ever', async () => {
      const url = postgres.createDatabase();
      const [one, two] = [await open(url), await open(url)];
      const hosts = Array.from({ length: 30 }, (_, i) => `host${i}`);
      for (const host of hosts) await one.hosts.add(host);
      const entries = hosts.map((host) => ({ host, at: 1 }));
      await Promise.all(Array.from({ length: 10 }, () => [one.hosts.seen(entries), two.hosts.seen(entries.toReversed())]).flat());
    });

    it('share the time of a lease, whatever their clocks say', async () => {
      const url = postgres.createDatabase();
      const behind = await open(url, { now: () => 0 });
      const ahead = await open(url, { now: () => 9e12 });
      expect(await behind.leases.acquire('alerts', 'behind', 600)).toBe(true);
      expect(await ahead.leases.acquire('alerts', 'ahead', 600)).toBe(false);
      const start = performance.now();
      await waitFor(() => ahead.leases.acquire('alerts', 'ahead', 60_000));
      expect(performance.now() - start).toBeGreaterThan(500);
      expect(await behind.leases.acquire('alerts', 'behind', 600)).toBe(false);
    });
  });

  describe('a database that goes away', () => {
    it('is missed, and found again; who was known is let in all the while', async () => {
      const url = postgres.createDatabase();
      const [server, cli] = [await open(url), await open(url)];
      const { token } = await server.hosts.add('pve1');
      await postgres.kill();
      for (let i = 0; i < 6; i++) await expect(server.hosts.list()).rejects.toMatchObject({ code: 'unavailable' });
      await waitFor(() => !server.isAvailable());
      const known = await server.tokens.checkMqtt('pve1', token);
      expect(known.ok).toBe(true);
      await expect(server.tokens.checkMqtt('pve1', 'wrong')).rejects.toMatchObject({ code: 'unavailable' });

      await postgres.restart();
      await waitFor(() => server.isAvailable());
      expect((await server.hosts.list()).map(({ host }) => host)).toEqual(['pve1']);
      await cli.hosts.remove('pve1');
      const start = performance.now();
      await waitFor(() => known.ok && !server.tokens.isCurrent(known.credential));
      expect(performance.now() - start).toBeLessThan(2000);
    });

    it('may end the connections in the middle of a transaction', async () => {
      const url = postgres.createDatabase();
      const registry = await open(url);
      await registry.hosts.add('pve1');
      const { db } = postgresBackend(url);
      onTestFinished(() => db.destroy());
      const broken = db.transaction().execute(async (trx) => {
        await trx.selectFrom('host').selectAll().execute();
        await postgres.kill();
        await sleep(200);
        return trx.selectFrom('host').selectAll().execute();
      });
      await expect(broken).rejects.toMatchObject({ code: 'unavailable' });
      await postgres.restart();
      expect(await db.selectFrom('host').selectAll().execute()).toHaveLength(1);
    });

    it('may also just stop: queries end, and so does who closes', { timeout: 60_000 }, async () => {
      const url = postgres.createDatabase();
      const [server, other] = [await open(url), await open(url)];
      const { token } = await server.hosts.add('pve1');
      signalAll(postgres.pid, 'SIGSTOP');
      const start = performance.now();
      await expect(server.hosts.list()).rejects.toMatchObject({ code: 'unavailable' });
      expect((await server.tokens.checkMqtt('pve1', token)).ok).toBe(true);
      await other.close();
      expect(performance.now() - start).toBeLessThan(25_000);
      signalAll(postgres.pid, 'SIGCONT');
      await waitFor(() => server.isAvailable());
      expect(await server.hosts.list()).toHaveLength(1);
    });

    it('may be locked by another program, for five seconds', async () => {
      const url = postgres.createDatabase();
      const registry = await open(url);
      const { db } = postgresBackend(url);
      onTestFinished(() => db.destroy());
      await db.transaction().execute(async (trx) => {
        await sql`lock table host in access exclusive mode`.execute(trx);
        await expect(registry.hosts.list()).rejects.toMatchObject({ code: 'unavailable', message: expect.stringContaining('timeout') });
      });
      expect(await registry.hosts.list()).toEqual([]);
    });

    it('may not be there yet when the first process starts', async () => {
      const url = postgres.createDatabase();
      await postgres.kill();
      await expect(openRegistry({ url })).rejects.toMatchObject({ code: 'unavailable' });
      const reasons: string[] = [];
      const opening = open(url, { waitMs: 60_000, onWait: (reason) => reasons.push(reason) });
      await sleep(1200);
      await postgres.restart();
      expect(await (await opening).hosts.list()).toEqual([]);
      expect(reasons).toEqual([expect.stringContaining('ECONNREFUSED')]);
    });
  });

  describe('an URL', () => {
    const problemOf = async (url: string): Promise<{ code: string; text: string }> => {
      const error = await openRegistry({ url }).then(
        () => null,
        (reason: unknown) => reason as Error & { code: string },
      );
      const all = [error, error?.cause].map((one) => `${String(one)} ${JSON.stringify(one)} ${(one as Error | undefined)?.stack}`);
      return { code: error?.code ?? '', text: all.join() };
    };

    it('that leads nowhere is told without its password', async () => {
      const url = new URL(postgres.createDatabase());
      const secret = 's3cret-word';
      const change = (part: 'password' | 'port' | 'pathname' | 'search', value: string): string => {
        const changed = new URL(url);
        changed.password = secret;
        changed[part] = value;
        return changed.href;
      };
      for (const bad of [
        change('password', secret),
        change('port', '1'),
        change('pathname', '/none'),
        change('search', '?sslmode=verify-full'),
        change('search', '?sslmode=verify-full&sslrootcert=/none'),
        `postgres://u:${secret}@/x`,
        `postgres://u:${secret}@h:port/x`,
        `mysql://u:${secret}@h/x`,
        secret,
      ]) {
        const { code, text } = await problemOf(bad);
        expect([bad, code]).toEqual([bad, expect.stringMatching(/^(unavailable|invalid)$/)]);
        expect(text).not.toContain(secret);
      }
    });

    it('says whether the connection is encrypted, and to whom', async () => {
      const url = postgres.createDatabase();
      const [cert, key] = [join(postgres.folder, 'cert.pem'), join(postgres.folder, 'key.pem')];
      const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=test', '-keyout', key, '-out', cert];
      execFileSync('openssl', [...request, '-addext', 'subjectAltName=IP:127.0.0.1'], { stdio: 'ignore' });
      const { uid, gid } = statSync(postgres.folder);
      chownSync(key, uid, gid);
      chmodSync(key, 0o600);
      const { db } = postgresBackend(url);
      onTestFinished(() => db.destroy());
      const isEncrypted = async (of: typeof db): Promise<boolean | undefined> => {
        const { rows } = await sql<{ ssl: boolean }>`select ssl from pg_stat_ssl where pid = pg_backend_pid()`.execute(of);
        return rows[0]?.ssl;
      };
      for (const [name, value] of Object.entries({ ssl_cert_file: cert, ssl_key_file: key, ssl: 'on' }))
        await sql`alter system set ${sql.raw(name)} = ${sql.lit(value)}`.execute(db);
      await sql`select pg_reload_conf()`.execute(db);
      const encrypted = postgresBackend(`${url}?sslmode=verify-full&sslrootcert=${cert}`).db;
      onTestFinished(() => encrypted.destroy());
      await waitFor(() => isEncrypted(encrypted).catch(() => false));
      expect(await isEncrypted(db)).toBe(false);
      await expect(openRegistry({ url: `${url}?sslmode=verify-full` })).rejects.toMatchObject({
        code: 'unavailable',
        message: expect.stringContaining('self-signed'),
      });
    });

    it('of a database that a newer program wrote is refused', async () => {
      const url = postgres.createDatabase();
      await (await open(url)).close();
      const { db } = postgresBackend(url);
      await db.transaction().execute((trx) => writeMeta(trx, 'schema', 99));
      await db.destroy();
      expect((await problemOf(url)).text).toMatch(/schema 99.*newer hostwire/);
    });
  });
});

/** To the server and the processes of its connections. */
function signalAll(pid: number, signal: NodeJS.Signals): void {
  for (const child of childrenOf(pid)) process.kill(child, signal);
  process.kill(pid, signal);
}

function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return text === '' ? [] : text.split(' ').map(Number);
}
