import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openRegistry } from '@hostwire/registry';
import { tempDir } from '@hostwire/testkit';
import { describe, expect, it } from 'vitest';
import { run } from './command-line.testkit.ts';

describe('hostwire host', () => {
  it('adds, lists, rotates and removes; a token is shown once and works until it is rotated', async () => {
    const dir = tempDir();
    const added = await run('host', 'add', 'pve1', '--json', '--data-dir', dir);
    const { token, server_key: key } = JSON.parse(added.out) as { token: string; server_key: string };
    expect(key).toMatch(/^ed25519:[A-Za-z0-9+/]{43}=$/);
    const text = await run('host', 'add', 'pi-02', '--data-dir', dir);
    expect(text.out).toContain('host_id = "pi-02"');
    expect(text.out).toContain('server_url = "mqtt://THIS-SERVER:1883"');
    writeFileSync(join(dir, 'mqtt.url'), 'mqtt://127.0.0.1:11883\n');
    expect((await run('host', 'add', 'pi-03', '--data-dir', dir)).out).toContain('server_url = "mqtt://THIS-SERVER:11883"');
    await run('host', 'remove', 'pi-03', '--data-dir', dir);
    expect(text.out).toContain(key);
    expect(await run('host', 'add', 'pve1', '--data-dir', dir)).toMatchObject({ code: 1, out: '' });

    expect(
      (JSON.parse((await run('host', 'list', '--json', '--data-dir', dir)).out) as { host: string }[]).map(({ host }) => host),
    ).toEqual(['pi-02', 'pve1']);
    expect((await run('host', 'list', '--data-dir', dir)).out).toMatch(/^HOST +GROUP +LABELS +GATEWAY +ADDED +LAST SEEN +OS +AGENT/);
    const rotated = JSON.parse((await run('host', 'rotate', 'pve1', '--json', '--data-dir', dir)).out) as { token: string };
    expect((await run('host', 'remove', 'pi-02', '--data-dir', dir)).code).toBe(0);

    const registry = await openRegistry({ file: join(dir, 'registry.db') });
    expect((await registry.tokens.checkMqtt('pve1', token)).ok).toBe(false);
    expect((await registry.tokens.checkMqtt('pve1', rotated.token)).ok).toBe(true);
    await registry.close();
    expect(statSync(join(dir, 'registry.db')).mode & 0o777).toBe(0o600);
    expect(statSync(join(dir, 'server.key')).mode & 0o777).toBe(0o600);
  });
});

describe('hostwire host set', () => {
  it('changes the group and single labels, and lists them', async () => {
    const dir = tempDir();
    await run('host', 'add', 'pi-01', '--data-dir', dir);
    const set = (...args: string[]) => run('host', 'set', 'pi-01', ...args, '--data-dir', dir);
    expect((await set('--group', '007', '--label', 'site=home, upstairs', '--label', 'rack=7')).out).toBe(
      'Host pi-01 is in group 007, labels: rack=7 site=home, upstairs.\n',
    );
    expect((await run('host', 'list', '--data-dir', dir)).out).toMatch(/\npi-01 +007 +rack=7 site=home, upstairs +- +\d/);
    const changed = await set('--group', '', '--unlabel', 'rack', '--label', 'owner=a=b', '--json');
    expect(JSON.parse(changed.out)).toEqual({
      host: 'pi-01',
      group: null,
      labels: { site: 'home, upstairs', owner: 'a=b' },
      gateway: null,
    });
    expect(await set('--group', 'a/b')).toMatchObject({ code: 1, err: expect.stringMatching(/"a\/b" is no name of a group: 1 to 32/) });
    expect(await set('--label', 'site')).toMatchObject({ code: 2, err: expect.stringContaining('not key=value') });
    expect(await set()).toMatchObject({ code: 2, err: expect.stringContaining('none of them is given') });
  });
});

describe('hostwire host add --gateway', () => {
  it('enters hosts without a token, moves them between gateways, and lists who speaks for them', async () => {
    const dir = tempDir();
    const host = (...args: string[]) => run('host', ...args, '--data-dir', dir);
    await host('add', 'gw');
    const added = await host('add', 'pi-01', '--gateway', 'gw');
    expect(added.out).toContain('Host pi-01 added behind gw.');
    expect(added.out).toContain('[[remote]]\n  name = "pi-01"');
    expect(added.out).not.toMatch(/token/);
    expect((await host('list')).out).toMatch(/\npi-01 +- +- +gw +\d/);
    expect(await host('add', 'pi-02', '--gateway', 'none')).toMatchObject({
      code: 1,
      err: expect.stringContaining('there is no host none'),
    });
    expect((await host('set', 'pi-01', '--gateway', '')).out).toContain('`hostwire host rotate pi-01`');
    expect((await host('set', 'pi-01', '--gateway', 'gw')).out).toContain('behind gw');
    expect(JSON.parse((await host('list', '--json')).out)).toMatchObject([{ gateway: null }, { host: 'pi-01', gateway: 'gw' }]);
  });
});

describe('hostwire config', () => {
  it('sets, shows and takes back what is set on agents, key by key', async () => {
    const dir = tempDir();
    const config = (...args: string[]) => run('config', ...args, '--data-dir', dir);
    expect((await config('get')).out).toBe('Nothing is set.\n');
    const set = await config('set', 'intervals.fast_seconds=60', 'collectors.disk.ignore_fs=tmpfs,overlay', '--scope', 'group:pi');
    expect(set.out).toBe('Set for group:pi:\n  intervals.fast_seconds = 60\n  collectors.disk.ignore_fs = ["tmpfs","overlay"]\n');
    await config('set', 'enabled=false', 'intervals.slow_seconds=600', '--scope', 'group:pi');
    expect((await config('get')).out).toMatch(/^group:pi \(20.*Z\)\n {2}intervals\.fast_seconds = 60\n/);
    await config('unset', 'intervals', 'enabled', '--scope', 'group:pi');
    expect(JSON.parse((await config('get', '--json')).out)).toMatchObject([
      { scope: 'group:pi', config: { collectors: { disk: { ignore_fs: ['tmpfs', 'overlay'] } } }, updated_by: null },
    ]);
    expect((await config('unset', '--all-keys', '--scope', 'group:pi')).out).toBe('Nothing is set for group:pi any more.\n');
    expect(JSON.parse((await config('get', '--json')).out)).toEqual([]);
  });

  it('says what cannot be set, and where', async () => {
    const dir = tempDir();
    const config = (...args: string[]) => run('config', ...args, '--data-dir', dir);
    const wrong: [string[], RegExp][] = [
      [['set', 'intervals.fast_seconds=60'], /--scope is missing/],
      [['set', 'intervals.fast_seconds=0', '--scope', 'all'], /intervals\.fast_seconds = 0 must be a number from 1 to 86400/],
      [['set', 'token=x', '--scope', 'all'], /token is set in the host's own file alone/],
      [['set', 'enabled', '--scope', 'all'], /enabled is not KEY=VALUE/],
      [['set', '--scope', 'all'], /needs KEY=VALUE/],
      [['set', 'enabled=true', '--scope', 'everybody'], /is no scope/],
      [['unset', 'enabled', '--scope', 'all'], /no enabled is set for all/],
      [['unset', '--scope', 'all'], /needs the keys/],
    ];
    for (const [args, message] of wrong) expect(await config(...args)).toMatchObject({ code: 2, err: expect.stringMatching(message) });
    expect(await config('set', 'enabled=true', '--scope', 'host:pi-9')).toMatchObject({
      code: 1,
      err: expect.stringContaining('no host pi-9'),
    });
  });
});

describe('hostwire token', () => {
  it('adds tokens with scopes and an end, lists them without the token, and removes them', async () => {
    const dir = tempDir();
    const added = await run('token', 'add', 'grafana', '--scope', 'series:read,api:read', '--expires', '30d', '--json', '--data-dir', dir);
    const { token, expires_at: end } = JSON.parse(added.out) as { token: string; expires_at: number };
    expect(Math.abs(end - Date.now() - 30 * 86_400_000)).toBeLessThan(60_000);
    const listed = await run('token', 'list', '--data-dir', dir);
    expect(listed.out).toContain('series:read api:read');
    expect(listed.out).not.toContain(token);
    expect((await run('token', 'remove', 'grafana', '--data-dir', dir)).code).toBe(0);
    expect((await run('token', 'list', '--json', '--data-dir', dir)).out.trim()).toBe('[]');
  });

  it('refuses scopes and durations that do not exist', async () => {
    const dir = tempDir();
    expect(await run('token', 'add', 'x', '--data-dir', dir)).toMatchObject({
      code: 2,
      err: expect.stringContaining('--scope is missing'),
    });
    expect(await run('token', 'add', 'x', '--scope', 'root', '--data-dir', dir)).toMatchObject({
      code: 2,
      err: expect.stringContaining('mqtt:read'),
    });
    expect(await run('token', 'add', 'x', '--scope', 'admin', '--expires', 'soon', '--data-dir', dir)).toMatchObject({ code: 2 });
    expect(await run('token', 'add', 'x', '--scope', 'admin', '--expires', '99999999999w', '--data-dir', dir)).toMatchObject({ code: 2 });
  });
});

describe('hostwire login', () => {
  it('prints a link that works, with its code where no log sees it', async () => {
    const dir = tempDir();
    const { out } = await run('login', '--data-dir', dir, '--port', '9999');
    const code = /^http:\/\/127\.0\.0\.1:9999\/login#code=(\S+)/.exec(out)?.[1] ?? '';
    const registry = await openRegistry({ file: join(dir, 'registry.db') });
    expect(await registry.logins.redeem(code, 1000)).not.toBeNull();
    await registry.close();
  });
});

describe('a command line or configuration that cannot be used', () => {
  it('is told with what there is, and ends with 2', async () => {
    expect(await run('serve', '--nonsense')).toMatchObject({ code: 2, out: '', err: expect.stringContaining('nonsense') });
    expect(await run('host', 'paint', 'x')).toMatchObject({ code: 2, err: expect.stringContaining('host rotate') });
    expect(await run('up')).toMatchObject({ code: 2, err: expect.stringContaining('--agent') });
  });

  it('is told with every problem at once, where each came from, and no secret', async () => {
    const file = join(tempDir(), 'hostwire.toml');
    writeFileSync(file, 'mqttport = 1\n[store]\nkind = "influxdb"\nurl = "http://me:s3cret@host"\n');
    const { code, err } = await run('serve', '--config', file, '--port', '70000', '--roles', 'ingest,cook', '--listen', 'everywhere');
    expect(code).toBe(2);
    for (const part of ['mqttport', 'did you mean mqtt_port', 'store.url', '70000', '--port', 'roles[1]', '--listen'])
      expect(err).toContain(part);
    expect(err).not.toContain('s3cret');
    expect((await run('serve', '--listen', '999.1.1.1')).err).toContain('listen = "999.1.1.1"');
    const split = await run('serve', '--roles', 'broker', '--broker-url', 'mqtt://127.0.0.1:1', '--store', 'influxdb');
    expect(split.err).toMatch(/store\.url is missing[\s\S]*roles .* must hold another role/);
    const own = await run('serve', '--roles', 'ingest', '--influx-url', 'http://127.0.0.1:1');
    expect(own.err).toMatch(/store\.url .* must be absent .* --store influxdb/);
  });

  it('is told without the password of the database, which no option may hold', async () => {
    const file = join(tempDir(), 'hostwire.toml');
    for (const url of ['postgres:/me:s3cret@host/x', 'postgres://me:s3/cret@host/x', 'postgres://me:s3cret@host:x/y', 'me:s3cret@host']) {
      writeFileSync(file, `[database]\nurl = "${url}"\n`);
      const { code, err } = await run('host', 'list', '--config', file, '--data-dir', tempDir());
      expect([code, err]).toEqual([2, expect.stringContaining('database.url = ***')]);
    }
    const option = await run('host', 'list', '--data-dir', tempDir(), '--database-url', 'postgres://me:s3cret@host/x');
    expect(option).toMatchObject({ code: 2, err: expect.stringContaining('HOSTWIRE_DATABASE_PASSWORD') });
    expect(option.err).not.toContain('s3cret');
    const refused = await run('host', 'list', '--data-dir', tempDir(), '--database-url', 'postgres://me@127.0.0.1:1/x');
    expect(refused).toMatchObject({ code: 1, err: expect.stringContaining('postgres://127.0.0.1:1/x does not answer') });
  });

  it('is a data directory that is a file, or that no user can make', async () => {
    const file = join(tempDir(), 'file');
    writeFileSync(file, '');
    for (const dir of [file, join(file, 'below'), '/proc/hostwire/data']) {
      const { code, err } = await run('host', 'list', '--data-dir', dir);
      expect([code, err]).toEqual([2, expect.stringMatching(/data_dir = .* choose another with --data-dir\n$/)]);
    }
  });
});
