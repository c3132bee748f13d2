import { setTimeout as sleep } from 'node:timers/promises';
import { type Catalog, type HostInfo, toCatalog } from '@hostwire/model';
import { waitFor } from '@hostwire/testkit';
import { describe, expect, it, onTestFinished } from 'vitest';
import { SESSION_IDLE_MS, SESSION_MAX_MS } from './logins.ts';
import { openRegistry, type RegistryOptions } from './open-registry.ts';
import type { AlertRecord, Registry } from './registry.ts';

type Place = { readonly file: string } | { readonly url: string };

async function open(place: Place, now?: () => number): Promise<Registry> {
  const options: RegistryOptions = { ...place, ...(now === undefined ? {} : { now }) };
  const registry = await openRegistry(options);
  onTestFinished(() => registry.close());
  return registry;
}

const HOST_INFO: HostInfo = {
  agent_version: '1',
  hostname: 'pve1',
  os: 'Debian',
  kernel: '6.1',
  arch: 'x64',
  user: 'hostwire',
  groups: ['hostwire'],
  capabilities: { zfs: { available: false, reason: 'nul \0 inside' } },
  run: 'r1',
  intervals: { fast: 30, medium: 300, slow: 1800 },
};

/** What every registry promises. `place` names an empty one, a new one at each call. */
export function registryContract(place: () => Place): void {
  describe('hosts', () => {
    it('are added, listed, seen and removed', async () => {
      let now = 1000;
      const { hosts } = await open(place(), () => now);
      await hosts.add('pve2');
      await hosts.add('pve1');
      const fresh = {
        host: 'pve1',
        createdAt: 1000,
        firstSeenAt: null,
        lastSeenAt: null,
        info: null,
        group: null,
        labels: {},
        gateway: null,
      };
      expect(await hosts.get('pve1')).toEqual(fresh);
      now = 2000;
      await hosts.seen([
        { host: 'pve1', at: 5000 },
        { host: 'stranger', at: 5000 },
      ]);
      await hosts.seen([{ host: 'pve1', at: 7000 }]);
      await hosts.seen([{ host: 'pve1', at: 6000 }]);
      await hosts.saveInfo('pve1', HOST_INFO);
      expect(await hosts.get('pve1')).toEqual({ ...fresh, firstSeenAt: 5000, lastSeenAt: 7000, info: HOST_INFO });
      expect((await hosts.list()).map(({ host }) => host)).toEqual(['pve1', 'pve2']);
      await hosts.remove('pve1');
      expect(await hosts.get('pve1')).toBeNull();
      await expect(hosts.remove('pve1')).rejects.toMatchObject({ code: 'unknown' });
      await expect(hosts.rotate('pve1')).rejects.toMatchObject({ code: 'unknown' });
    });

    it('are put into groups and get labels, all at once or on the ground of what stands', async () => {
      const { hosts } = await open(place());
      await hosts.add('pve1');
      const changed = await hosts.update('pve1', { group: 'Raspberry Pis', labels: { site: 'home', rack: 'b 7' } });
      expect(changed).toMatchObject({ group: 'Raspberry Pis', labels: { site: 'home', rack: 'b 7' } });
      expect(await hosts.get('pve1')).toEqual(changed);
      await hosts.update('pve1', { group: null });
      expect(await hosts.get('pve1')).toEqual({ ...changed, group: null });
      await Promise.all(['a', 'b', 'c'].map((key) => hosts.update('pve1', ({ labels }) => ({ labels: { ...labels, [key]: 'x' } }))));
      await hosts.update('pve1', ({ labels: { site: _site, ...labels } }) => ({ labels }));
      expect(await hosts.list()).toMatchObject([{ group: null, labels: { rack: 'b 7', a: 'x', b: 'x', c: 'x' } }]);
      const many = Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`k${i}`, 'v']));
      const wrong = [
        { Site: 'x' },
        { '9': 'x' },
        { site: '' },
        { site: ' x' },
        { site: 'x\n' },
        { site: 'x'.repeat(64) },
        { site: '\0' },
        many,
      ];
      for (const labels of wrong) await expect(hosts.update('pve1', { labels })).rejects.toMatchObject({ code: 'invalid' });
      for (const group of ['', ' a', 'a ', 'a/b', '-a', 'a\0', 'x'.repeat(33)]) {
        await expect(hosts.update('pve1', { group })).rejects.toMatchObject({ code: 'invalid' });
      }
      expect(await hosts.get('pve1')).toMatchObject({ group: null, labels: { rack: 'b 7', a: 'x', b: 'x', c: 'x' } });
      await expect(hosts.update('pve9', { group: null })).rejects.toMatchObject({ code: 'unknown' });
    });

    it('have valid names that no token has', async () => {
      const { hosts, tokens } = await open(place());
      await hosts.add('pve1');
      await tokens.add('grafana', ['mqtt:read']);
      await expect(hosts.add('pve1')).rejects.toMatchObject({ code: 'exists' });
      await expect(hosts.add('grafana')).rejects.toMatchObject({ code: 'exists' });
      await expect(tokens.add('pve1', ['mqtt:read'])).rejects.toMatchObject({ code: 'exists' });
      await expect(tokens.add('grafana', ['mqtt:read'])).rejects.toMatchObject({ code: 'exists' });
      await expect(tokens.add('hostwire-server', ['mqtt:read'])).rejects.toMatchObject({ code: 'invalid' });
      for (const name of ['hostwire-server', 'PVE1', '', '../x', '+', 'a/b', 'x'.repeat(64)]) {
        await expect(hosts.add(name)).rejects.toMatchObject({ code: 'invalid' });
      }
    });
  });

  describe('tokens', () => {
    it('are checked by MQTT user name, by a host only with its newest token', async () => {
      const { hosts, tokens } = await open(place());
      const { token: first } = await hosts.add('pve1');
      const { token: other } = await hosts.add('pve2');
      const { token: reader, record } = await tokens.add('grafana', ['mqtt:read']);
      const ok = await tokens.checkMqtt('pve1', first);
      expect(ok).toMatchObject({ ok: true, kind: 'host', host: 'pve1' });
      expect(await tokens.checkMqtt('grafana', reader)).toMatchObject({
        ok: true,
        kind: 'token',
        record: { id: record.id, scopes: ['mqtt:read'] },
      });
      expect(await tokens.checkMqtt('pve1', other)).toEqual({ ok: false, reason: 'bad-token' });
      expect(await tokens.checkMqtt('pve1', reader)).toEqual({ ok: false, reason: 'bad-token' });
      expect(await tokens.checkMqtt('pve3', first)).toEqual({ ok: false, reason: 'unknown-host' });
      expect(await tokens.checkMqtt('__proto__', '')).toEqual({ ok: false, reason: 'unknown-host' });
      const { token: second } = await hosts.rotate('pve1');
      expect(await tokens.checkMqtt('pve1', first)).toEqual({ ok: false, reason: 'bad-token' });
      const again = await tokens.checkMqtt('pve1', second);
      expect(ok.ok && tokens.isCurrent(ok.credential)).toBe(false);
      expect(again.ok && tokens.isCurrent(again.credential)).toBe(true);
      await hosts.remove('pve1');
      expect(again.ok && tokens.isCurrent(again.credential)).toBe(false);
    });

    it('are found by what they carry, and say when they were used last', async () => {
      let now = 1000;
      const at = place();
      const registry = await open(at, () => now);
      const { token, record } = await registry.tokens.add('cli', ['api:read', 'admin', 'admin']);
      expect(token).toMatch(/^hwt_[a-z0-9]{12}_[A-Za-z0-9_-]{43}$/);
      expect(record).toMatchObject({ name: 'cli', scopes: ['api:read', 'admin'], expiresAt: null, lastUsedAt: null });
      now = 9000;
      expect(await registry.tokens.check(token)).toMatchObject({ id: record.id, scopes: ['api:read', 'admin'] });
      const forged = `${token.slice(0, -4)}${token.endsWith('AAAA') ? 'BBBB' : 'AAAA'}`;
      for (const wrong of [forged, 'hwt_aaaaaaaaaaaa_x', '', 'x'.repeat(10_000)]) expect(await registry.tokens.check(wrong)).toBeNull();
      await registry.close();
      const reopened = await open(at);
      expect(await reopened.tokens.list()).toEqual([{ ...record, lastUsedAt: 9000 }]);
      await reopened.tokens.remove('cli');
      expect(await reopened.tokens.check(token)).toBeNull();
      await expect(reopened.tokens.remove('cli')).rejects.toMatchObject({ code: 'unknown' });
    });

    it('expire', async () => {
      let now = 1000;
      const { tokens } = await open(place(), () => now);
      const { token } = await tokens.add('guest', ['mqtt:read'], 5000);
      const ok = await tokens.checkMqtt('guest', token);
      expect(ok.ok && tokens.isCurrent(ok.credential)).toBe(true);
      now = 5000;
      expect(await tokens.check(token)).toBeNull();
      expect(await tokens.checkMqtt('guest', token)).toEqual({ ok: false, reason: 'expired' });
      expect(ok.ok && tokens.isCurrent(ok.credential)).toBe(false);
    });

    it('have known scopes and plain names', async () => {
      const { tokens } = await open(place());
      await expect(tokens.add('x', ['root' as 'admin'])).rejects.toMatchObject({ code: 'invalid' });
      await expect(tokens.add('x', [])).rejects.toMatchObject({ code: 'invalid' });
      await expect(tokens.add('a b', ['admin'])).rejects.toMatchObject({ code: 'invalid' });
    });

    it('that another process adds, rotates or removes are seen, and told to who listens', async () => {
      const at = place();
      const server = await open(at);
      const cli = await open(at);
      let changes = 0;
      server.onCredentialsChange(() => changes++);
      const { token } = await cli.hosts.add('pve1');
      const ok = await server.tokens.checkMqtt('pve1', token);
      expect(ok.ok).toBe(true);
      expect(changes).toBe(1);
      await cli.hosts.seen([{ host: 'pve1', at: 1 }]);
      await cli.hosts.update('pve1', { group: 'pi' });
      await waitFor(() => changes === 2, { timeout: 10_000, what: 'the news of a group' });
      expect(ok.ok && server.tokens.isCurrent(ok.credential)).toBe(true);
      await cli.hosts.remove('pve1');
      await waitFor(() => ok.ok && !server.tokens.isCurrent(ok.credential), { timeout: 10_000 });
      expect(changes).toBe(3);
    });
  });

  describe('certificates', () => {
    it('are those of hosts until they end, or the host is rotated or removed, by whatever process', async () => {
      let now = 1000;
      const at = place();
      const [server, cli] = [await open(at, () => now), await open(at, () => now)];
      await cli.hosts.add('pve1');
      await cli.hosts.add('pve2');
      await cli.certificates.add({ serial: '0a', host: 'pve1', expiresAt: 5000 });
      await cli.certificates.add({ serial: '0b', host: 'pve2', expiresAt: 9000 });
      await cli.certificates.add({ serial: '0c', host: 'pve2', expiresAt: 9000 });
      await waitFor(() => server.certificates.hostOf('0c'), { timeout: 10_000 });
      expect(['0a', '0b', '0d'].map((serial) => server.certificates.hostOf(serial))).toEqual(['pve1', 'pve2', null]);
      expect(await server.certificates.list()).toContainEqual({ serial: '0a', host: 'pve1', createdAt: 1000, expiresAt: 5000 });
      await expect(cli.certificates.add({ serial: '0d', host: 'stranger', expiresAt: 9000 })).rejects.toMatchObject({ code: 'unknown' });
      now = 5000;
      expect(server.certificates.hostOf('0a')).toBeNull();
      await cli.hosts.rotate('pve2');
      await waitFor(() => server.certificates.hostOf('0b') === null, { timeout: 10_000 });
      expect(await server.certificates.list()).toEqual([]);
      await cli.certificates.add({ serial: '0e', host: 'pve1', expiresAt: 9000 });
      await cli.hosts.remove('pve1');
      expect(cli.certificates.hostOf('0e')).toBeNull();
    });
  });

  describe('logins', () => {
    it('open one session with one link, until it expires', async () => {
      let now = 1_000_000;
      const { logins } = await open(place(), () => now);
      const { code, expiresAt } = await logins.createLink(1000);
      expect(expiresAt).toBe(1_001_000);
      expect(await logins.redeem('wrong', 1000)).toBeNull();
      const [one, two] = await Promise.all([logins.redeem(code, 60_000), logins.redeem(code, 60_000)]);
      expect([one, two].filter((login) => login !== null)).toHaveLength(1);
      const session = (one ?? two)?.session ?? '';
      expect(await logins.checkSession(session)).toEqual({ expiresAt: (one ?? two)?.expiresAt });
      expect(await logins.checkSession(code)).toBeNull();
      now += 60_000;
      expect(await logins.checkSession(session)).toBeNull();
      const late = await logins.createLink(1000);
      now += 1000;
      expect(await logins.redeem(late.code, 1000)).toBeNull();
    });

    it('slide the idle limit while they are used, but not the absolute one', async () => {
      let now = 0;
      const { logins } = await open(place(), () => now);
      const login = async (): Promise<string> =>
        (await logins.redeem((await logins.createLink(1000)).code, 10 * SESSION_MAX_MS))?.session ?? '';
      const idle = await login();
      const used = await login();
      now = SESSION_IDLE_MS - 1;
      expect(await logins.checkSession(used)).not.toBeNull();
      now += 1;
      expect(await logins.checkSession(idle)).toBeNull();
      for (; now < SESSION_MAX_MS; now += SESSION_IDLE_MS / 2) expect(await logins.checkSession(used)).not.toBeNull();
      expect(await logins.checkSession(used)).toBeNull();
    });

    it('end when asked to', async () => {
      const { logins } = await open(place());
      const login = await logins.redeem((await logins.createLink(10_000)).code, 60_000);
      await logins.endSession(login?.session ?? '');
      expect(await logins.checkSession(login?.session ?? '')).toBeNull();
    });
  });

  describe('alerts', () => {
    it('are saved again and again under one id, and leave the list some time after they are resolved', async () => {
      const { alerts } = await open(place());
      const firing: AlertRecord = {
        id: 'high_cpu.pve1',
        rule: 'high_cpu',
        host: 'pve1',
        severity: 'warning',
        state: 'firing',
        labels: { team: 'infra' },
        summary: 'CPU at 99 %',
        measurement: 'cpu',
        field: 'usage_active',
        where: { cpu: 'cpu-total' },
        value: 99.5,
        threshold: 90,
        unit: 'percent',
        since: 1000,
        firedAt: 2000,
        resolvedAt: null,
        acknowledgedAt: null,
        acknowledgedBy: null,
        note: null,
      };
      await alerts.save([firing, { ...firing, id: 'high_cpu.pve2', host: 'pve2', value: null }]);
      expect(await alerts.get('high_cpu.pve1')).toEqual(firing);
      const resolved: AlertRecord = { ...firing, state: 'resolved', resolvedAt: 5000 };
      await alerts.save([resolved]);
      expect((await alerts.list()).map(({ id }) => id)).toEqual(['high_cpu.pve2']);
      expect((await alerts.list(4999)).map(({ id }) => id)).toEqual(['high_cpu.pve1', 'high_cpu.pve2']);
      expect((await alerts.list(5000)).map(({ id }) => id)).toEqual(['high_cpu.pve2']);
      expect(await alerts.get('none')).toBeNull();
    });

    it('keep the acknowledgement of one firing, whoever saves them, until they fire anew', async () => {
      const { alerts } = await open(place());
      const record = (change: Partial<AlertRecord>): AlertRecord => ({
        id: 'host_offline.pve1',
        rule: 'host_offline',
        host: 'pve1',
        severity: 'critical',
        state: 'firing',
        labels: {},
        summary: 'silent',
        measurement: null,
        field: null,
        where: {},
        value: null,
        threshold: null,
        unit: null,
        since: 1000,
        firedAt: 2000,
        resolvedAt: null,
        acknowledgedAt: null,
        acknowledgedBy: null,
        note: null,
        ...change,
      });
      const acknowledged = { acknowledgedAt: 3000, acknowledgedBy: 'eve', note: 'nul \ufffd inside' };
      await alerts.save([record({ state: 'pending', firedAt: null })]);
      expect(await alerts.saveAcknowledgement('host_offline.pve1', { at: 3000, by: 'eve', note: null })).toBeNull();
      await alerts.save([record({})]);
      expect(await alerts.saveAcknowledgement('none', { at: 3000, by: 'eve', note: null })).toBeNull();
      expect(await alerts.saveAcknowledgement('host_offline.pve1', { at: 3000, by: 'eve', note: 'nul \0 inside' })).toEqual(
        record(acknowledged),
      );
      // The process that evaluates does not know of it yet.
      await alerts.save([record({ value: 7 })]);
      expect(await alerts.get('host_offline.pve1')).toEqual(record({ value: 7, ...acknowledged }));
      expect(await alerts.saveAcknowledgement('host_offline.pve1', null)).toEqual(record({ value: 7 }));
      await alerts.save([record({ value: 8, ...acknowledged })]);
      expect(await alerts.get('host_offline.pve1')).toEqual(record({ value: 8 }));
      await alerts.saveAcknowledgement('host_offline.pve1', { at: 3000, by: 'eve', note: null });
      await alerts.save([record({ state: 'resolved', resolvedAt: 4000 })]);
      expect(await alerts.get('host_offline.pve1')).toMatchObject({ state: 'resolved', acknowledgedBy: 'eve' });
      expect(await alerts.saveAcknowledgement('host_offline.pve1', null)).toBeNull();
      await alerts.save([record({ firedAt: 9000 })]);
      expect(await alerts.get('host_offline.pve1')).toEqual(record({ firedAt: 9000 }));
    });
  });

  describe('leases', () => {
    it('are free when nobody renews them for their time, whatever the clock says; one that is renewed is not', async () => {
      let now = Date.now();
      const here = place();
      const [first, second] = [await open(here, () => now), await open(here, () => now)];
      expect(await first.leases.acquire('alerts', 'a', 900_000)).toBe(true);
      now -= 3_600_000;
      const end = performance.now() + 1200;
      for (let ttl = 900_000; performance.now() < end; await sleep(50)) {
        expect(await first.leases.acquire('alerts', 'a', ++ttl)).toBe(true);
        expect(await second.leases.acquire('alerts', 'b', 400)).toBe(false);
      }
      // From here on `a` is gone.
      await waitFor(() => second.leases.acquire('alerts', 'b', 400), { timeout: 2000 });
    });

    it('are held by one, renewed by that one, and free when released or over', async () => {
      const { leases } = await open(place());
      expect(await leases.acquire('alerts', 'a', 800)).toBe(true);
      expect(await leases.acquire('alerts', 'b', 800)).toBe(false);
      expect(await leases.acquire('other', 'b', 800)).toBe(true);
      await sleep(500);
      expect(await leases.acquire('alerts', 'a', 800)).toBe(true);
      await sleep(500);
      expect(await leases.acquire('alerts', 'b', 800)).toBe(false);
      await waitFor(() => leases.acquire('alerts', 'b', 60_000));
      expect(await leases.acquire('alerts', 'a', 800)).toBe(false);
      await leases.release('alerts', 'a');
      expect(await leases.acquire('alerts', 'a', 15_000)).toBe(false);
      await leases.release('alerts', 'b');
      expect(await leases.acquire('alerts', 'a', 15_000)).toBe(true);
    });
  });

  describe('catalogs', () => {
    const catalog = (help: string): Catalog =>
      toCatalog([{ name: 'c', tier: 'fast', help, measurements: { m: { help, tags: {}, fields: {} } } }]);

    it('are kept by their hash, which must be theirs', async () => {
      const { catalogs } = await open(place());
      const one = catalog('one');
      await catalogs.save(one);
      await catalogs.save(one);
      expect(await catalogs.get(one.hash)).toEqual(one);
      expect(await catalogs.get('0')).toBeNull();
      await expect(catalogs.save({ ...catalog('two'), hash: one.hash })).rejects.toMatchObject({ code: 'invalid' });
      expect(await catalogs.list()).toEqual([one]);
    });
  });
}
