import { parseEnrolmentCode } from '@hostwire/model';
import { waitFor } from '@hostwire/testkit';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { EnrolledHost, EnrolmentRegistry, PendingHost, Redemption } from './enrolment.ts';
import { openRegistry, type RegistryOptions } from './open-registry.ts';
import type { Registry } from './registry.ts';

type Place = { readonly file: string } | { readonly url: string };

const MINUTE = 60_000;
const DAY = 86_400_000;
const FACTS = { hostname: 'Pi-04.home', os: 'Debian 12', arch: 'arm64', agentVersion: '1.0.0' };
const FROM = { address: '192.0.2.44', facts: FACTS };

async function open(place: Place, now?: () => number): Promise<Registry> {
  const registry = await openRegistry({ ...place, ...(now === undefined ? {} : { now }) } as RegistryOptions);
  onTestFinished(() => registry.close());
  return registry;
}

async function enrolled(enrolments: EnrolmentRegistry, redemption: Omit<Redemption, 'address' | 'facts'>): Promise<EnrolledHost> {
  const answer = await enrolments.redeem({ ...FROM, ...redemption });
  if (answer.state !== 'enrolled') throw new Error('it waits for approval');
  return answer;
}

async function pending(enrolments: EnrolmentRegistry, redemption: Omit<Redemption, 'address' | 'facts'>): Promise<PendingHost> {
  const answer = await enrolments.redeem({ ...FROM, ...redemption });
  if (answer.state !== 'pending') throw new Error('it does not wait for approval');
  return answer;
}

/** What every registry promises of codes with which hosts enrol. `place` names an empty one, a new one at each call. */
export function enrolmentContract(place: () => Place): void {
  describe('a code for one host', () => {
    it('enters the host under its name, with its group and labels, and gives a token that works', async () => {
      let now = 1_000_000;
      const { enrolments, hosts, tokens } = await open(place(), () => now);
      const { code, record } = await enrolments.create({ host: 'pi-04', group: 'pi', labels: { site: 'home' }, by: 'eve\0' });
      expect(code).toMatch(/^[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){2}$/);
      expect(record).toMatchObject({ kind: 'once', host: 'pi-04', replaces: false, createdAt: now, expiresAt: now + 15 * MINUTE });
      expect(record.createdBy).toBe('eve\ufffd');
      now += MINUTE;
      const typed = ` ${code.toLowerCase().replaceAll('-', ' ')} `;
      const host = await enrolled(enrolments, { code: typed, host: 'pi-04' });
      expect(host).toMatchObject({ host: 'pi-04', group: 'pi', labels: { site: 'home' }, replaced: false });
      expect(await tokens.checkMqtt('pi-04', host.token)).toMatchObject({ ok: true, kind: 'host' });
      expect(await hosts.get('pi-04')).toMatchObject({ group: 'pi', labels: { site: 'home' }, createdAt: now });
      const used = { usedAt: now, usedBy: 'pi-04', usedFrom: '192.0.2.44' };
      expect(await enrolments.list()).toEqual({ enrolments: [{ ...record, ...used }], requests: [] });
    });

    it('without a name takes the one that the host asks for, else its host name made valid', async () => {
      const { enrolments } = await open(place());
      const codes = [await enrolments.create({}), await enrolments.create({})].map(({ code }) => code);
      expect((await enrolled(enrolments, { code: codes[0] ?? '', host: 'nas' })).host).toBe('nas');
      expect((await enrolled(enrolments, { code: codes[1] ?? '' })).host).toBe('pi-04.home');
    });

    it('is for no other host, and works for its own after such a try', async () => {
      const { enrolments, hosts } = await open(place());
      const { code } = await enrolments.create({ host: 'pi-04' });
      await expect(enrolled(enrolments, { code, host: 'nas' })).rejects.toMatchObject({ code: 'host-mismatch' });
      expect(await hosts.list()).toEqual([]);
      expect((await enrolled(enrolments, { code })).host).toBe('pi-04');
    });

    it('works once, however many redeem it at the same time', async () => {
      const at = place();
      const registries = [await open(at), await open(at), await open(at)];
      const { code } = await (registries[0] as Registry).enrolments.create({});
      const tries = Array.from({ length: 24 }, (_, index) => {
        const { enrolments } = registries[index % registries.length] as Registry;
        return enrolled(enrolments, { code, host: `host${index}`, nonce: `nonce${index}` });
      });
      const results = await Promise.allSettled(tries);
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      for (const { reason } of results.filter((result) => result.status === 'rejected'))
        expect(reason).toMatchObject({ code: 'code-used' });
      expect(await (registries[0] as Registry).hosts.list()).toHaveLength(1);
    });

    it('gives a fresh token to who has lost the answer, for five minutes, and to nobody else', async () => {
      let now = 1_000_000;
      const { enrolments, tokens } = await open(place(), () => now);
      const { code } = await enrolments.create({ host: 'pi-04', expiresInMs: MINUTE });
      const first = await enrolled(enrolments, { code, nonce: 'n1' });
      await expect(enrolled(enrolments, { code })).rejects.toMatchObject({ code: 'code-used' });
      await expect(enrolled(enrolments, { code, nonce: 'n2' })).rejects.toMatchObject({ code: 'code-used' });
      now += 5 * MINUTE;
      const again = await enrolled(enrolments, { code, nonce: 'n1' });
      expect(again).toMatchObject({ host: 'pi-04', replaced: false });
      expect(await tokens.checkMqtt('pi-04', first.token)).toEqual({ ok: false, reason: 'bad-token' });
      expect((await tokens.checkMqtt('pi-04', again.token)).ok).toBe(true);
      now += 1;
      await expect(enrolled(enrolments, { code, nonce: 'n1' })).rejects.toMatchObject({ code: 'code-used' });
    });

    it('gives none to a host whose token was rotated, or that was removed and added, in those minutes', async () => {
      const { enrolments, hosts } = await open(place());
      for (const revoke of [() => hosts.rotate('pi-04'), () => hosts.remove('pi-04').then(() => hosts.add('pi-04'))]) {
        const { code } = await enrolments.create({ host: 'pi-04' });
        await enrolled(enrolments, { code, nonce: 'n1' });
        await revoke();
        await expect(enrolled(enrolments, { code, nonce: 'n1' })).rejects.toMatchObject({ code: 'code-used' });
        await hosts.remove('pi-04');
        await expect(enrolled(enrolments, { code, nonce: 'n1' })).rejects.toMatchObject({ code: 'code-used' });
      }
    });

    it('does not work when it is wrong, over or cancelled', async () => {
      let now = 1_000_000;
      const { enrolments } = await open(place(), () => now);
      const { code, record } = await enrolments.create({});
      for (const wrong of ['', '0000-0000-0000', `${code}0`, 'x'.repeat(10_000), `U${code.slice(1)}`, '\0']) {
        await expect(enrolled(enrolments, { code: wrong })).rejects.toMatchObject({ code: 'code-unknown' });
      }
      const cancelled = await enrolments.create({});
      await enrolments.cancel(cancelled.record.id);
      await expect(enrolled(enrolments, { code: cancelled.code })).rejects.toMatchObject({ code: 'code-unknown' });
      await expect(enrolments.cancel(cancelled.record.id)).rejects.toMatchObject({ code: 'unknown' });
      now = record.expiresAt;
      await expect(enrolled(enrolments, { code })).rejects.toMatchObject({ code: 'code-expired' });
      now += 7 * DAY;
      expect((await enrolments.list()).enrolments).toEqual([]);
      await enrolments.create({});
      await expect(enrolled(enrolments, { code })).rejects.toMatchObject({ code: 'code-unknown' });
    });

    it('does not take over a host that is there, unless it was made for that very host then', async () => {
      const { enrolments, hosts, tokens } = await open(place());
      const before = await enrolments.create({ host: 'pi-04' });
      const { token } = await hosts.add('pi-04');
      await expect(enrolled(enrolments, { code: before.code })).rejects.toMatchObject({ code: 'host-exists' });
      const any = await enrolments.create({});
      await expect(enrolled(enrolments, { code: any.code, host: 'pi-04' })).rejects.toMatchObject({ code: 'host-exists' });
      expect((await tokens.checkMqtt('pi-04', token)).ok).toBe(true);
      // It is not used up by that.
      expect((await enrolled(enrolments, { code: any.code, host: 'pi-05' })).host).toBe('pi-05');

      const { code, record } = await enrolments.create({ host: 'pi-04', labels: { site: 'home' } });
      expect(record.replaces).toBe(true);
      const taken = await enrolled(enrolments, { code });
      expect(taken).toMatchObject({ host: 'pi-04', replaced: true, labels: { site: 'home' } });
      expect(await tokens.checkMqtt('pi-04', token)).toEqual({ ok: false, reason: 'bad-token' });
      expect((await tokens.checkMqtt('pi-04', taken.token)).ok).toBe(true);
      const later = await enrolments.create({ host: 'pi-04', group: 'pi' });
      expect(await enrolled(enrolments, { code: later.code })).toMatchObject({ group: 'pi', labels: { site: 'home' } });
    });

    it('has a name, group, labels and life that can be', async () => {
      const { enrolments, tokens } = await open(place());
      await tokens.add('grafana', ['mqtt:read']);
      await expect(enrolments.create({ host: 'grafana' })).rejects.toMatchObject({ code: 'exists' });
      const wrong = [
        { host: '../x' },
        { host: 'hostwire-server' },
        { kind: 'universal', host: 'pi-04' },
        { group: '' },
        { labels: { Site: 'x' } },
        { labels: { site: '\u202ex' } },
        { expiresInMs: 59_999 },
        { expiresInMs: Number.NaN },
        { expiresInMs: 8 * DAY },
        { kind: 'universal', expiresInMs: 31 * DAY },
      ] as const;
      for (const one of wrong) await expect(enrolments.create(one), JSON.stringify(one)).rejects.toMatchObject({ code: 'invalid' });
      const { code } = await enrolments.create({});
      for (const host of ['', 'PI', '../x', 'hostwire-server', 'x'.repeat(64)]) {
        await expect(enrolled(enrolments, { code, host })).rejects.toMatchObject({ code: 'invalid' });
      }
      await expect(enrolled(enrolments, { code, host: 'grafana' })).rejects.toMatchObject({ code: 'host-exists' });
    });
  });

  describe('a universal code', () => {
    it('lets hosts wait until each is approved, under a name, group and labels', async () => {
      let now = 1_000_000;
      const { enrolments, hosts, tokens } = await open(place(), () => now);
      const { code, record } = await enrolments.create({ kind: 'universal', group: 'pi', labels: { site: 'home' } });
      expect(record).toMatchObject({ expiresAt: now + DAY, host: null });
      const one = await pending(enrolments, { code });
      const two = await pending(enrolments, { code });
      expect(await enrolments.claim(one.request, one.secret)).toEqual({ state: 'pending', host: 'pi-04.home' });
      expect(await hosts.list()).toEqual([]);
      const waiting = { enrolment: record.id, host: 'pi-04.home', address: '192.0.2.44', facts: FACTS, state: 'pending', group: 'pi' };
      expect((await enrolments.list()).requests).toMatchObject([waiting, waiting]);
      now += 1000;
      await enrolments.approve(one.request, { by: 'eve' });
      // Two of one name cannot be.
      await expect(enrolments.approve(two.request, {})).rejects.toMatchObject({ code: 'exists' });
      await expect(enrolments.approve(two.request, { host: '../x' })).rejects.toMatchObject({ code: 'invalid' });
      const decided = await enrolments.approve(two.request, { host: 'pi-05', group: null, labels: {} });
      expect(decided).toMatchObject({ host: 'pi-05', state: 'approved', decidedAt: now, decidedBy: null, group: null, labels: {} });
      await expect(enrolments.deny(two.request)).rejects.toMatchObject({ code: 'exists' });
      const first = await enrolments.claim(one.request, one.secret);
      expect(first).toMatchObject({ state: 'enrolled', host: 'pi-04.home', group: 'pi', labels: { site: 'home' } });
      expect(await enrolments.claim(two.request, two.secret)).toMatchObject({ state: 'enrolled', host: 'pi-05', group: null, labels: {} });
      const token = first.state === 'enrolled' ? first.token : '';
      expect((await tokens.checkMqtt('pi-04.home', token)).ok).toBe(true);
      expect((await enrolments.list()).enrolments[0]).toMatchObject({ usedBy: 'pi-05', usedAt: now });
      await expect(pending(enrolments, { code, host: 'pi-05' })).rejects.toMatchObject({ code: 'host-exists' });
    });

    it('gives the token to the secret alone, again for five minutes if the answer was lost', async () => {
      let now = 1_000_000;
      const { enrolments, hosts } = await open(place(), () => now);
      const { code } = await enrolments.create({ kind: 'universal' });
      const lost = await pending(enrolments, { code, nonce: 'n1' });
      const mine = await pending(enrolments, { code, nonce: 'n1' });
      expect(mine.request).toBe(lost.request);
      for (const [request, secret] of [
        [lost.request, lost.secret],
        [mine.request, ''],
        ['none', mine.secret],
      ] as const) {
        await expect(enrolments.claim(request, secret)).rejects.toMatchObject({ code: 'request-unknown' });
      }
      await enrolments.approve(mine.request, {});
      const claims = await Promise.all(Array.from({ length: 4 }, () => enrolments.claim(mine.request, mine.secret)));
      expect(new Set(claims.map((claim) => claim.state === 'enrolled' && claim.token)).size).toBe(4);
      expect(await hosts.list()).toHaveLength(1);
      now += 5 * MINUTE;
      expect((await enrolments.claim(mine.request, mine.secret)).state).toBe('enrolled');
      await hosts.rotate(mine.host);
      await expect(enrolments.claim(mine.request, mine.secret)).rejects.toMatchObject({ code: 'code-used' });
    });

    it('tells a host that was denied, or whose code was cancelled, and forgets it after a week', async () => {
      let now = 1_000_000;
      const { enrolments } = await open(place(), () => now);
      const { code, record } = await enrolments.create({ kind: 'universal' });
      const [one, two] = [await pending(enrolments, { code, host: 'a' }), await pending(enrolments, { code, host: 'b' })];
      expect(await enrolments.deny(one.request, 'eve')).toMatchObject({ state: 'denied', decidedBy: 'eve' });
      await expect(enrolments.claim(one.request, one.secret)).rejects.toMatchObject({ code: 'request-denied' });
      await enrolments.cancel(record.id);
      await expect(enrolments.claim(two.request, two.secret)).rejects.toMatchObject({ code: 'request-denied' });
      await expect(enrolments.approve(two.request, {})).rejects.toMatchObject({ code: 'exists' });
      await expect(enrolments.approve('none', {})).rejects.toMatchObject({ code: 'unknown' });
      now += 7 * DAY;
      await expect(enrolments.claim(one.request, one.secret)).rejects.toMatchObject({ code: 'request-unknown' });
      expect((await enrolments.list()).requests).toEqual([]);
    });

    it('lets a hundred wait, and keeps what they say of themselves as plain short text', async () => {
      const { enrolments } = await open(place());
      const { code } = await enrolments.create({ kind: 'universal' });
      const hostile = '\u202e<script>\0\n\u2028'.padEnd(400, 'x');
      const facts = { hostname: hostile, os: hostile, arch: hostile, agentVersion: hostile };
      await enrolments.redeem({ code, address: hostile, facts });
      const [request] = (await enrolments.list()).requests;
      expect(request?.host).toMatch(/^script-x{56}$/);
      for (const text of [request?.address, ...Object.values(request?.facts ?? {})]) {
        expect(text).toMatch(/^\ufffd<script>\ufffd{3}x+$/);
        expect(text).toHaveLength(255);
      }
      for (let index = 1; index < 100; index++) await pending(enrolments, { code, host: `h${index}` });
      await expect(pending(enrolments, { code, host: 'more' })).rejects.toMatchObject({ code: 'too-many-requests' });
    });
  });

  describe('enrolments', () => {
    it('tell of each change, also of another process, and of nothing else', async () => {
      const at = place();
      const [server, cli] = [await open(at), await open(at)];
      let changes = 0;
      server.enrolments.onChange(() => changes++);
      const { code } = await cli.enrolments.create({ host: 'pi-04' });
      await waitFor(() => changes === 1, { timeout: 2000 });
      await enrolled(server.enrolments, { code });
      expect(changes).toBe(2);
      await server.hosts.add('other');
      await expect(enrolled(server.enrolments, { code })).rejects.toMatchObject({ code: 'code-used' });
      expect(changes).toBe(2);
    });

    it('keep no code, secret or token', async () => {
      const { enrolments } = await open(place());
      const { code } = await enrolments.create({ kind: 'universal' });
      const { request, secret } = await pending(enrolments, { code, nonce: 'some-nonce' });
      await enrolments.approve(request, {});
      const host = await enrolments.claim(request, secret);
      const text = JSON.stringify(await enrolments.list());
      for (const word of [code, parseEnrolmentCode(code), secret, 'some-nonce', host.state === 'enrolled' ? host.token : code]) {
        expect(text).not.toContain(word);
      }
    });
  });
}
