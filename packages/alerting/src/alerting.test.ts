import { join } from 'node:path';
import { Counters, toCatalog, topics } from '@hostwire/model';
import { openRegistry } from '@hostwire/registry';
import { tempDir } from '@hostwire/testkit';
import type { BusMessage, MessageBus } from '@hostwire/transport';
import { expect, it, onTestFinished, vi } from 'vitest';
import { type AlertEvent, createAlerting } from './alerting.ts';
import type { HostView } from './observe.ts';
import { toRules } from './rule.ts';

const catalog = toCatalog([
  {
    name: 'cpu',
    tier: 'fast',
    help: '',
    measurements: {
      cpu: { help: '', tags: { cpu: '' }, fields: { usage_active: { type: 'float', unit: 'percent', kind: 'gauge', help: '' } } },
    },
  },
]);
const { rules } = toRules(
  [
    {
      name: 'high_cpu',
      severity: 'warning',
      condition: 'above',
      measurement: 'cpu',
      field: 'usage_active',
      threshold: 90,
      for: '10s',
      summary: 'CPU {value} %',
    },
  ],
  catalog,
);

/** A bus that keeps what a broker would retain. */
function retainingBus(): MessageBus & { readonly retained: Map<string, string>; readonly said: string[] } {
  const retained = new Map<string, string>();
  const said: string[] = [];
  return {
    retained,
    said,
    async publish(topic, payload, { retain = false }) {
      said.push(`${topic} ${payload.length === 0 ? '(empty)' : JSON.parse(String(payload)).state} ${retain ? 'retained' : 'once'}`);
      if (!retain) return;
      if (payload.length === 0) retained.delete(topic);
      else retained.set(topic, String(payload));
    },
    async subscribe(_filter, handler) {
      for (const [topic, payload] of retained) {
        const message: BusMessage = { topic, payload: Buffer.from(payload), retained: true, receivedAt: 0 };
        handler(message);
      }
      return async () => undefined;
    },
    close: async () => undefined,
  };
}

async function setUp(
  file = join(tempDir(), 'state.db'),
  bus = retainingBus(),
  startAt = 0,
  withRules = rules,
  more: Partial<Parameters<typeof createAlerting>[0]> = {},
) {
  let now = 1_000_000 + startAt * 1000;
  let labels: Readonly<Record<string, string>> = {};
  let value = 50;
  const registry = await openRegistry({ file });
  let group: string | null = null;
  const host: HostView = {
    host: 'pve1',
    get group() {
      return group;
    },
    labels: {},
    state: 'online',
    lastSampleAt: now,
    lastSeenAt: now,
    interval: 5,
    offlineSince: null,
    conflict: null,
    latest: () => ({ rows: [{ tags: labels, fields: { usage_active: value } }], receivedAt: now, interval: 5 }),
  };
  const counters = new Counters();
  const alerting = createAlerting({
    rules: withRules,
    registry: registry.alerts,
    bus,
    topics: topics(),
    logger: { info: () => undefined, warn: () => undefined },
    hosts: () => [host],
    counters,
    now: () => now,
    everyMs: 3_600_000,
    ...more,
  });
  const events: AlertEvent[] = [];
  alerting.onEvent((event) => events.push(event));
  await alerting.start();
  const close = async () => {
    await alerting.close();
    await registry.close();
  };
  onTestFinished(close);
  return {
    alerting,
    registry,
    bus,
    events,
    tag(tags: Readonly<Record<string, string>>) {
      labels = tags;
    },
    join(name: string | null) {
      group = name;
    },
    file,
    close,
    async at(seconds: number, percent: number) {
      now = 1_000_000 + seconds * 1000;
      value = percent;
      await alerting.tick();
    },
  };
}

const TOPIC = 'hostwire/v1/pve1/alert/high_cpu.pve1';

it('tells listeners and the topic of what fires and of what resolves', async () => {
  const { alerting, bus, events, at } = await setUp();
  await at(0, 95);
  expect(alerting.list().map(({ state }) => state)).toEqual(['pending']);
  expect(events).toEqual([]);
  await at(10, 96);
  expect(events.map(({ event, alert }) => [event, alert.summary])).toEqual([['alert_new', 'CPU 96 %']]);
  expect(JSON.parse(bus.retained.get(TOPIC) ?? '{}')).toMatchObject({
    state: 'firing',
    value: 96,
    threshold: 90,
    unit: 'percent',
    measurement: 'cpu',
    field: 'usage_active',
    where: {},
  });
  expect(alerting.firing('pve1')).toEqual({ critical: 0, warning: 1, info: 0 });
  await at(15, 40);
  expect(events.map(({ event }) => event)).toEqual(['alert_new', 'alert_cleared']);
  expect(bus.retained.has(TOPIC)).toBe(false);
  expect(bus.said).toEqual([`${TOPIC} firing retained`, `${TOPIC} resolved once`, `${TOPIC} (empty) retained`]);
  expect(alerting.list().map(({ state }) => state)).toEqual(['resolved']);
});

it('goes on after a restart: timers, who acknowledged, and the retained topics', async () => {
  const first = await setUp();
  await first.at(0, 95);
  await first.at(4, 95);
  await first.close();

  const second = await setUp(first.file);
  expect(second.alerting.list()).toMatchObject([{ state: 'pending', since: 1_000_000 }]);
  await second.at(10, 95);
  expect(second.events.map(({ event }) => event)).toEqual(['alert_new']);
  expect(await second.alerting.acknowledge('high_cpu.pve1', 'admin', 'known')).toMatchObject({ acknowledgedBy: 'admin', note: 'known' });
  expect(await second.alerting.acknowledge('nothing', 'admin', null)).toBeNull();
  await second.close();

  const bus = retainingBus();
  bus.retained.set('hostwire/v1/pve1/alert/long.gone', '{"state":"firing"}');
  const third = await setUp(first.file, bus);
  expect(third.alerting.list()).toMatchObject([{ state: 'firing', acknowledgedBy: 'admin' }]);
  expect([...bus.retained.keys()]).toEqual([TOPIC]);
  expect(await third.alerting.unacknowledge('high_cpu.pve1')).toMatchObject({ acknowledgedAt: null, note: null });
});

it('shows what resolved again when what was pending after it comes to nothing', async () => {
  const { alerting, events, at } = await setUp();
  await at(0, 95);
  await at(10, 95);
  await at(15, 40);
  const resolved = alerting.list();
  expect(resolved).toMatchObject([{ state: 'resolved', firedAt: 1_010_000 }]);
  await at(20, 95);
  expect(alerting.list().map(({ state }) => state)).toEqual(['pending']);
  await at(25, 40);
  expect(alerting.list()).toEqual(resolved);
  expect(events.at(-1)).toEqual({ event: 'alert_cleared', alert: resolved[0] });
});

it('drops a pending alert without a word on the topic', async () => {
  const { alerting, bus, events, at } = await setUp();
  await at(0, 95);
  await at(5, 50);
  expect(alerting.list()).toEqual([]);
  expect(events.map(({ event }) => event)).toEqual(['alert_cleared']);
  expect(bus.said).toEqual([]);
});

it('begins a pending alert anew that was left from long before the start', async () => {
  const first = await setUp();
  await first.at(0, 95);
  await first.close();
  const second = await setUp(first.file, retainingBus(), 3600);
  await second.at(3601, 95);
  expect(second.events).toEqual([]);
  await second.at(3610, 95);
  expect(second.events.map(({ event }) => event)).toEqual(['alert_new']);
});

it('accuses no host when this machine slept, or its clock was set forward', async () => {
  const offline = {
    name: 'host_offline',
    condition: 'offline',
    severity: 'critical',
    groups: null,
    labels: {},
    forMs: 5000,
    summary: 'offline',
  } as const;
  const { alerting, at } = await setUp(undefined, undefined, 0, [offline]);
  await at(1, 0);
  await at(7200, 0);
  await at(7201, 0);
  expect(alerting.list()).toEqual([]);
  for (let second = 7202; second < 7230; second++) await at(second, 0);
  expect(alerting.list().map(({ state }) => state)).toEqual(['firing']);
});

it('notices silence again after the clock was set back', async () => {
  const offline = {
    name: 'host_offline',
    condition: 'offline',
    severity: 'critical',
    groups: null,
    labels: {},
    forMs: 5000,
    summary: 'offline',
  } as const;
  const { alerting, at } = await setUp(undefined, undefined, 0, [offline]);
  for (let second = -900; second < -860; second++) await at(second, 0);
  expect(alerting.list().map(({ state }) => state)).toEqual(['firing']);
});

it('goes on when a listener throws, and saves alerts whose labels hold what a database does not take', async () => {
  const { rules: byCpu } = toRules(
    [
      {
        name: 'cpu_each',
        severity: 'warning',
        condition: 'above',
        measurement: 'cpu',
        field: 'usage_active',
        group_by: ['cpu'],
        threshold: 90,
        summary: 'CPU {cpu}',
      },
    ],
    catalog,
  );
  const { alerting, registry, at, tag } = await setUp(undefined, undefined, 0, byCpu);
  alerting.onEvent(() => {
    throw new Error('broken');
  });
  tag({ cpu: 'a\0b\ud800' });
  await at(0, 95);
  tag({ cpu: 'plain' });
  await at(1, 95);
  expect(alerting.list()).toHaveLength(2);
  expect(await registry.alerts.list()).toHaveLength(2);
  await alerting.acknowledge('cpu_each.pve1.plain', 'admin', 'no\0te');
  expect(await registry.alerts.get('cpu_each.pve1.plain')).toMatchObject({ acknowledgedBy: 'admin', state: 'firing' });
});

it('publishes everything again to a broker that lost it, and clears there what it does not know', async () => {
  let connect: () => void = () => undefined;
  const bus = retainingBus();
  const onConnect = (listener: () => void) => {
    connect = listener;
    return () => undefined;
  };
  const { at } = await setUp(undefined, bus, 0, rules, { onConnect });
  await at(0, 95);
  await at(10, 95);
  bus.retained.clear();
  connect();
  await vi.waitFor(() => expect([...bus.retained.keys()]).toEqual([TOPIC]));
});

it('says and keeps nothing more once another process leads', async () => {
  let leads = true;
  const first = await setUp(undefined, undefined, 0, rules, { mayAct: () => leads });
  await first.at(0, 95);
  leads = false;
  await first.at(10, 95);
  await first.alerting.close();
  expect(first.bus.said).toEqual([]);
  expect(await first.alerting.acknowledge('high_cpu.pve1', 'admin', null)).toBeNull();
  expect(await first.registry.alerts.list()).toMatchObject([{ state: 'pending' }]);
});

it('evaluates nothing while it does not hear the hosts', async () => {
  let since: number | null = null;
  const { alerting, at } = await setUp(undefined, undefined, 0, rules, { listeningSince: () => since });
  await at(0, 95);
  expect(alerting.list()).toEqual([]);
  since = 0;
  await at(1, 95);
  expect(alerting.list()).toMatchObject([{ state: 'pending' }]);
});

it('takes over who acknowledged in another process, and keeps values that move for those who read them there', async () => {
  const { alerting, registry, bus, events, at } = await setUp();
  await at(0, 95);
  await at(10, 96);
  await registry.alerts.saveAcknowledgement('high_cpu.pve1', { at: 5, by: 'elsewhere', note: 'known' });
  await at(16, 99);
  expect(alerting.list()).toMatchObject([{ acknowledgedBy: 'elsewhere', note: 'known', value: 99 }]);
  expect(events.at(-1)).toMatchObject({ event: 'alert_update', alert: { acknowledgedBy: 'elsewhere' } });
  expect(JSON.parse(bus.retained.get(TOPIC) ?? '{}')).toMatchObject({ acknowledged_by: 'elsewhere' });
  expect(await registry.alerts.get('high_cpu.pve1')).toMatchObject({ value: 99, summary: 'CPU 99 %', acknowledgedBy: 'elsewhere' });
});

it('ends the alert of a host that leaves the group of its rule, and begins anew when it comes back', async () => {
  const ofPi = rules.map((rule) => ({ ...rule, groups: ['pi'] }));
  const { alerting, bus, events, registry, join: joinGroup, at } = await setUp(undefined, undefined, 0, ofPi);
  await at(0, 95);
  expect(alerting.list()).toEqual([]);
  joinGroup('pi');
  await at(1, 95);
  joinGroup('attic');
  await at(2, 95);
  expect([alerting.list(), events.map(({ event }) => event)]).toEqual([[], ['alert_cleared']]);
  joinGroup('pi');
  await at(3, 95);
  await at(13, 96);
  expect(JSON.parse(bus.retained.get(TOPIC) ?? '{}')).toMatchObject({ state: 'firing', summary: 'CPU 96 %' });
  joinGroup(null);
  await at(14, 99);
  const ended = { state: 'resolved', summary: 'CPU 96 %', value: 96, resolvedAt: 1_014_000 };
  expect(alerting.list()).toMatchObject([ended]);
  expect(await registry.alerts.get('high_cpu.pve1')).toMatchObject(ended);
  expect(bus.retained.has(TOPIC)).toBe(false);
  expect(events.map(({ event }) => event)).toEqual(['alert_cleared', 'alert_new', 'alert_cleared']);
  await at(15, 99);
  expect(bus.said.filter((said) => said.includes('resolved'))).toHaveLength(1);
  joinGroup('pi');
  await at(16, 97);
  await at(26, 97);
  expect(alerting.list()).toMatchObject([{ state: 'firing', firedAt: 1_026_000 }]);
});
