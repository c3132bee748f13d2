import { topics as makeTopics } from '@hostwire/model';
import { topicFilter } from '@hostwire/transport';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hostFilters, mayConnect, maySendWill, maySubscribe, publishableTopic, sessionId } from './access.ts';
import type { Principal } from './principal.ts';

const topics = makeTopics('hostwire');
const host: Principal = { kind: 'host', host: 'pve1' };
const token = (...scopes: Extract<Principal, { kind: 'token' }>['scopes']): Principal => ({ kind: 'token', name: 'grafana', scopes });

const mayPublish = (principal: Principal, topic: string): boolean => publishableTopic(topics, principal, topic) !== null;

describe('publishing', () => {
  it('of a host is under its own topics only', () => {
    for (const kind of ['sample/fast', 'sample/slow', 'status', 'info', 'catalog', 'inventory/packages', 'command/result']) {
      expect(mayPublish(host, `hostwire/v1/pve1/${kind}`)).toBe(true);
      expect(mayPublish(host, `hostwire/v1/pve2/${kind}`)).toBe(false);
    }
    for (const kind of [
      'ack',
      'config',
      'live',
      'command',
      'state',
      'press/reboot',
      'alert/x',
      'sample/hourly',
      'sample/fast/x',
      'unknown',
      '',
    ]) {
      expect(mayPublish(host, `hostwire/v1/pve1/${kind}`)).toBe(false);
    }
    for (const topic of [
      'hostwire/v1/status',
      'homeassistant/device/hostwire_pve1/config',
      '$SYS/x',
      'hostwire/v2/pve1/status',
      'status',
      '',
    ]) {
      expect(mayPublish(host, topic)).toBe(false);
    }
  });

  it('of a token is pressing, with scope operate', () => {
    const press = 'hostwire/v1/pve1/press/reboot';
    expect(mayPublish(token('operate'), press)).toBe(true);
    expect(mayPublish(token('admin'), press)).toBe(true);
    expect(mayPublish(token('mqtt:read', 'api:read', 'series:write'), press)).toBe(false);
    expect(mayPublish(token('operate', 'admin', 'mqtt:read'), 'hostwire/v1/pve1/sample/fast')).toBe(false);
  });

  it('of whatever text never reaches another host', () => {
    const text = fc.oneof(
      fc.string(),
      fc
        .array(fc.constantFrom('hostwire', 'v1', 'pve1', 'pve2', 'sample', 'fast', 'status', '+', '#', '', '..', '\0', 'pve1\0'))
        .map((levels) => levels.join('/')),
    );
    fc.assert(
      fc.property(text, (topic) => {
        if (mayPublish(host, topic))
          expect(topic).toMatch(
            /^hostwire\/v1\/pve1\/(sample\/(fast|medium|slow)|status|info|catalog|inventory\/[\w.:-]+|command\/result)$/,
          );
      }),
      { numRuns: 2000 },
    );
  });

  it('as a will is the own status', () => {
    expect(maySendWill(topics, host, 'hostwire/v1/pve1/status')).toBe(true);
    expect(maySendWill(topics, host, 'hostwire/v1/pve2/status')).toBe(false);
    expect(maySendWill(topics, host, 'hostwire/v1/pve1/sample/fast')).toBe(false);
    expect(maySendWill(topics, token('operate'), 'hostwire/v1/pve1/press/reboot')).toBe(false);
  });
});

describe('subscribing', () => {
  it('of a host is to what is meant for it', () => {
    for (const kind of ['ack', 'config', 'command', 'live', 'status']) {
      expect(maySubscribe(topics, host, `hostwire/v1/pve1/${kind}`)).toBe(true);
      expect(maySubscribe(topics, host, `hostwire/v1/pve2/${kind}`)).toBe(false);
    }
    expect(maySubscribe(topics, host, 'hostwire/v1/status')).toBe(true);
    for (const filter of [
      '#',
      '+',
      'hostwire/#',
      'hostwire/v1/pve1/#',
      'hostwire/v1/+/ack',
      'hostwire/v1/pve1/+',
      'hostwire/v1/pve1/info',
      '$share/x/#',
    ]) {
      expect(maySubscribe(topics, host, filter)).toBe(false);
    }
  });

  it('of a token with scope mqtt:read is to all below the root', () => {
    const reader = token('mqtt:read');
    for (const filter of ['hostwire/#', 'hostwire/v1/#', 'hostwire/v1/+/sample/+', 'homeassistant/#'])
      expect(maySubscribe(topics, reader, filter)).toBe(true);
    const long = `hostwire/${'a'.repeat(600)}`;
    const deep = `hostwire/${'a/'.repeat(20)}`;
    for (const filter of [
      '#',
      '+/v1/#',
      '$SYS/#',
      '$share/x/#',
      '$share/x/hostwire/#',
      'other/#',
      'hostwire\0/#',
      'hostwire/\0',
      'hostwire/\ufffd',
      long,
      deep,
    ]) {
      expect(maySubscribe(topics, reader, filter)).toBe(false);
    }
    expect(maySubscribe(topics, token('operate', 'api:read'), 'hostwire/#')).toBe(false);
  });

  it("of the server's processes is to all below the root, and they publish there", () => {
    const server: Principal = { kind: 'server' };
    for (const topic of [topics.serverStatus, topics.ack('pve1'), 'hostwire/v1/pve1/state', 'homeassistant/device/x/config']) {
      expect([mayPublish(server, topic), maySubscribe(topics, server, topic)]).toEqual([true, true]);
    }
    for (const topic of ['elsewhere', '$SYS/x', 'hostwire', 'hostwire\0/x', 'hostwire/\u0001']) {
      expect([mayPublish(server, topic), maySubscribe(topics, server, topic)]).toEqual([false, false]);
    }
    expect([mayPublish(server, 'hostwire/#'), maySubscribe(topics, server, 'hostwire/#')]).toEqual([false, true]);
    expect([maySendWill(topics, server, topics.serverStatus), maySendWill(topics, server, topics.status('pve1'))]).toEqual([true, false]);
  });
});

describe('filters for brokers that check by lists', () => {
  it('allow a host what it may do here, and no more', () => {
    const { publish, subscribe } = hostFilters(topics, 'pve1');
    const named = [...publish, ...subscribe].map((filter) => filter.replace('+', 'packages'));
    const kinds = ['sample/fast', 'sample/x', 'status', 'info', 'catalog', 'inventory/packages', 'ack', 'config', 'live', 'command'];
    const others = ['command/result', 'state', 'press/x', 'alert/x'].concat(kinds).map((kind) => `hostwire/v1/pve1/${kind}`);
    const covers = (filters: readonly string[], topic: string): boolean => filters.some((filter) => topicFilter(filter)(topic));
    for (const topic of [...named, ...others, 'hostwire/v1/pve2/status', topics.serverStatus]) {
      expect([topic, covers(publish, topic)]).toEqual([topic, mayPublish(host, topic)]);
      expect([topic, covers(subscribe, topic)]).toEqual([topic, maySubscribe(topics, host, topic)]);
    }
  });
});

describe('connecting', () => {
  it('needs a scope that is of use', () => {
    expect(mayConnect(host)).toBe(true);
    expect(mayConnect(token('mqtt:read'))).toBe(true);
    expect(mayConnect(token('operate'))).toBe(true);
    expect(mayConnect(token('series:read', 'series:write', 'api:read'))).toBe(false);
  });

  it('gives sessions that only the own credentials can take over', () => {
    const random = (): string => 'random';
    expect(sessionId(host, 'pve1', random)).toBe('pve1');
    expect(sessionId(host, 'pve2', random)).toBeNull();
    expect(sessionId(host, '', random)).toBeNull();
    expect(sessionId(token('mqtt:read'), 'pve1', random)).toBe('grafana/pve1');
    expect(sessionId(token('mqtt:read'), '', random)).toBe('grafana/random');
    for (const id of ['a/b', 'a b', '\0', 'x'.repeat(129), '\u00e4']) expect(sessionId(token('mqtt:read'), id, random)).toBeNull();
  });
});
