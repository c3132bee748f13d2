import { Counters } from '@hostwire/model';
import { hashToken } from '@hostwire/registry';
import { describe, expect, it } from 'vitest';
import { recorder, rig, topics } from './broker.testkit.ts';
import { type ExternalAccess, externalAccess } from './external-access.ts';

async function made() {
  const { registry } = await rig();
  const counters = new Counters();
  const logger = recorder();
  const server = { name: 'hostwire-server', hash: hashToken('the-servers-own') };
  const access: ExternalAccess = externalAccess({ registry, topics, server, counters, logger });
  const refused = (reason: string): number => counters.get(`broker_refused_total{reason="${reason}"}`);
  return { registry, access, refused, logger };
}

describe('who may connect to a broker elsewhere', () => {
  it('is who may connect to this one, with a client id that is nobody else', async () => {
    const { registry, access, refused, logger } = await made();
    const { token } = await registry.hosts.add('pve1');
    const { token: reader } = await registry.tokens.add('reader', ['mqtt:read'], 9_000_000_000_000);
    const { token: api } = await registry.tokens.add('api', ['api:read']);
    const { token: old } = await registry.tokens.add('old', ['mqtt:read'], 1);
    expect(await access.mayConnect('pve1', token, 'pve1')).toEqual({ allowed: true, expiresAt: null });
    expect(await access.mayConnect('reader', reader, 'anything')).toEqual({ allowed: true, expiresAt: 9_000_000_000_000 });
    expect(await access.mayConnect('hostwire-server', 'the-servers-own', 'hostwire-ingest-1')).toEqual({ allowed: true, expiresAt: null });
    const attempts = [
      ['bad-token', 'pve1', reader, 'pve1'],
      ['client-id', 'pve1', token, 'pve2'],
      ['client-id', 'reader', reader, 'pve1'],
      ['client-id', 'reader', reader, 'hostwire-ingest-1'],
      ['client-id', 'reader', reader, 'a/b'],
      ['no-scope', 'api', api, 'api'],
      ['expired', 'old', old, 'old'],
      ['unknown-host', 'nobody', token, 'nobody'],
      ['bad-token', 'hostwire-server', token, 'hostwire-server'],
      ['unknown-host', '', '', ''],
    ] as const;
    for (const [reason, username, password, client] of attempts) {
      const before = refused(reason);
      expect(await access.mayConnect(username, password, client)).toEqual({ allowed: false });
      expect(refused(reason)).toBe(before + 1);
    }
    for (const secret of [token, reader, 'the-servers-own']) expect(logger.lines.join()).not.toContain(secret);
  });
});

describe('what may be published and subscribed there', () => {
  it('is what may be here, until the credentials are revoked', async () => {
    const { registry, access, refused } = await made();
    await registry.hosts.add('pve1');
    await registry.tokens.add('reader', ['mqtt:read']);
    const may = (user: string, action: 'publish' | 'subscribe', topic: string): boolean => access.may(user, action, topic);
    expect(may('pve1', 'publish', topics.sample('pve1', 'fast'))).toBe(true);
    expect(may('pve1', 'publish', topics.sample('pve2', 'fast'))).toBe(false);
    expect(may('pve1', 'subscribe', topics.ack('pve1'))).toBe(true);
    expect(may('pve1', 'subscribe', 'hostwire/#')).toBe(false);
    expect(may('reader', 'subscribe', 'hostwire/#')).toBe(true);
    expect(may('reader', 'subscribe', '$share/x/hostwire/#')).toBe(false);
    expect(may('reader', 'publish', topics.sample('reader', 'fast'))).toBe(false);
    expect(may('hostwire-server', 'subscribe', '$share/ingest/hostwire/v1/+/sample/+')).toBe(true);
    expect(may('hostwire-server', 'subscribe', '$share/ingest/$SYS/#')).toBe(false);
    expect(may('hostwire-server', 'publish', topics.serverStatus)).toBe(true);
    expect(may('nobody', 'publish', topics.sample('nobody', 'fast'))).toBe(false);
    expect([refused('foreign-topic'), refused('foreign-filter'), refused('revoked')]).toEqual([2, 3, 1]);
    await registry.hosts.remove('pve1');
    expect(may('pve1', 'publish', topics.sample('pve1', 'fast'))).toBe(false);
  });
});
