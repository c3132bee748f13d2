import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { HostInfo } from '@hostwire/model';
import { tempDir } from '@hostwire/testkit';
import { Kysely } from 'kysely';
import { describe, expect, it, onTestFinished } from 'vitest';
import { auditContract } from './audit-contract.testkit.ts';
import { bindable } from './bindable.ts';
import { Credentials } from './credentials.ts';
import { enrolmentContract } from './enrolment-contract.testkit.ts';
import { gatewayContract } from './gateway-contract.testkit.ts';
import { openDatabase, registryDialect } from './libsql-database.ts';
import { migrate, writeMeta } from './migrations.ts';
import { openRegistry } from './open-registry.ts';
import type { Registry } from './registry.ts';
import { registryContract } from './registry-contract.testkit.ts';
import { remoteConfigContract } from './remote-config-contract.testkit.ts';
import type { Tables } from './tables.ts';

async function open(file = join(tempDir(), 'registry.db'), now?: () => number): Promise<Registry & { readonly file: string }> {
  const registry = await openRegistry({ file, ...(now === undefined ? {} : { now }) });
  onTestFinished(() => registry.close());
  return { ...registry, file };
}

registryContract(() => ({ file: join(tempDir(), 'registry.db') }));
enrolmentContract(() => ({ file: join(tempDir(), 'registry.db') }));
gatewayContract(() => ({ file: join(tempDir(), 'registry.db') }));
remoteConfigContract(() => ({ file: join(tempDir(), 'registry.db') }));
auditContract(() => ({ file: join(tempDir(), 'registry.db') }));

describe('a registry in a file', () => {
  it('keeps the file for its owner alone', async () => {
    const { file, hosts } = await open();
    await hosts.add('pve1');
    for (const name of [file, `${file}-wal`, `${file}-shm`]) expect(statSync(name).mode & 0o777).toBe(0o600);
  });

  it('fails, and does not take the process with it, when it is asked after it was closed', async () => {
    const database = openDatabase(join(tempDir(), 'registry.db'));
    database.prepare('create table t (a)').run([]);
    const statements = ['insert into t values (1)', 'select * from t', 'begin', 'rollback'].map((text) => database.prepare(text));
    database.close();
    for (const statement of statements) expect(() => statement.run([])).toThrow('the registry is closed');
    const { hosts, close } = await open();
    await close();
    await expect(hosts.saveInfo('pve1', {} as HostInfo)).rejects.toThrow();
  });

  it('refuses what a newer program wrote, and a file that is no database', async () => {
    const { file, close } = await open();
    await close();
    const db = new Kysely<Tables>({ dialect: registryDialect(openDatabase(file)) });
    await db.transaction().execute((trx) => writeMeta(trx, 'schema', 99));
    await db.destroy();
    await expect(openRegistry({ file })).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/schema 99.*newer hostwire/),
    });
    const other = join(tempDir(), 'other');
    writeFileSync(other, 'not a database at all, but long enough to have a header that is wrong'.repeat(20));
    await expect(openRegistry({ file: other })).rejects.toMatchObject({ code: 'unavailable' });
    await expect(openRegistry({ file: join(tempDir(), 'no', 'such', 'folder') })).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('opens from several connections at once', async () => {
    const file = join(tempDir(), 'registry.db');
    const registries = await Promise.all([open(file), open(file), open(file)]);
    await Promise.all(registries.map((registry, index) => registry.hosts.add(`host${index}`)));
    expect((await registries[0]?.hosts.list())?.map(({ host }) => host)).toEqual(['host0', 'host1', 'host2']);
  });

  it('undoes a migration that fails half way', async () => {
    const db = new Kysely<Tables>({ dialect: registryDialect(openDatabase(join(tempDir(), 'x.db'))) });
    onTestFinished(() => db.destroy());
    const failing = async (trx: Kysely<Tables>): Promise<void> => {
      await trx.schema.createTable('half').addColumn('a', 'text').execute();
      throw new Error('power cut');
    };
    await expect(migrate({ db, lockSchema: async () => undefined }, [failing])).rejects.toThrow('power cut');
    expect((await db.introspection.getTables()).map(({ name }) => name)).toEqual([]);
  });
  it('holds no secret in clear', async () => {
    const { file, hosts, tokens, logins, close } = await open();
    const secrets = [
      (await hosts.add('pve1')).token,
      (await tokens.add('cli', ['admin'])).token,
      (await logins.createLink(1000)).code,
      (await logins.redeem((await logins.createLink(60_000)).code, 60_000))?.session ?? '',
    ];
    await close();
    const bytes = readFileSync(file).toString('latin1');
    for (const secret of secrets) {
      expect(secret.length).toBeGreaterThan(40);
      expect(bytes).not.toContain(secret.slice(-40));
    }
  });

  it('keeps no credentials that were revoked, also if the disk fails at that moment', async () => {
    const { file, hosts } = await open();
    await hosts.add('pve1');
    await hosts.add('pve2');
    const database = openDatabase(file);
    let failing = false;
    const work = <T>(run: () => T): T => {
      if (failing) throw new Error('disk I/O error');
      return run();
    };
    const flaky = { ...database, prepare: (sql: string) => work(() => database.prepare(sql)), checkpoint: () => work(database.checkpoint) };
    const db = new Kysely<Tables>({ dialect: registryDialect(flaky) });
    onTestFinished(() => db.destroy());
    const credentials = new Credentials(db, flaky);
    await credentials.refresh();

    await hosts.remove('pve1');
    failing = true;
    await expect(credentials.refresh()).rejects.toThrow('disk I/O error');
    failing = false;
    await credentials.refresh();
    expect(credentials.byName('pve1')).toBeUndefined();

    flaky.checkpoint = () => {
      throw new Error('disk full');
    };
    await expect(credentials.change((trx) => trx.deleteFrom('host').where('host', '=', 'pve2').execute())).rejects.toThrow('disk full');
    expect(credentials.byName('pve2')).toBeUndefined();
  });
});

describe('binds', () => {
  it('never reach libsql in a form that would abort the process', () => {
    expect(bindable([true, false, null, 1, 2n, 'x'])).toEqual([1, 0, null, 1, 2n, 'x']);
    for (const value of [new Date(), {}, [], undefined, Symbol('x'), Buffer.from('x'), 'nul\0']) {
      expect(() => bindable([value])).toThrow(expect.objectContaining({ code: 'invalid' }));
    }
  });
});
