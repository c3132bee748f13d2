import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AlertRecord } from '@hostwire/registry';
import { tempDir } from '@hostwire/testkit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { alertId, evaluate } from './evaluate.ts';
import { catalog, table, view } from './host-view.testkit.ts';
import { type Observation, observe } from './observe.ts';
import { isFor, type RuleTable, type ThresholdRule, toRules } from './rule.ts';
import { loadRules } from './rules-file.ts';

const rule = toRules([table], catalog).rules[0] as ThresholdRule;
const offline = toRules(
  [{ name: 'host_offline', severity: 'critical', condition: 'offline', for: '30s', summary: 'no data for {age}' }],
  catalog,
).rules[0];
if (offline === undefined) throw new Error('no rule');

function reading(value: number | null): Observation {
  return {
    host: 'pve1',
    labels: {},
    value,
    holds: value === null ? null : value > 90,
    lost: false,
    clears: value !== null && value <= 80,
    since: null,
  };
}

/** Feeds one reading every 10 s and gives the state after each. */
function run(values: readonly (number | null)[]): (AlertRecord['state'] | 'inactive')[] {
  let alert: AlertRecord | null = null;
  return values.map((value, index) => {
    const next = evaluate(rule, reading(value), alert, index * 10_000);
    if (next !== null) alert = next.change === 'dropped' ? null : next.alert;
    return alert === null ? 'inactive' : alert.state;
  });
}

describe('evaluate', () => {
  it('is pending for as long as the rule says, then fires, and resolves at the clear threshold only', () => {
    const states = run([95, ...Array<number>(12).fill(95), 85, 85, 79, 95]);
    expect(states.slice(0, 12)).toEqual(Array(12).fill('pending'));
    expect(states.slice(12)).toEqual(['firing', 'firing', 'firing', 'resolved', 'pending']);
  });

  it('drops a pending alert whose condition ends before its time', () => {
    expect(run([95, 95, 50, 50])).toEqual(['pending', 'pending', 'inactive', 'inactive']);
  });

  it('takes no data for neither: a firing alert stays, an inactive one does not begin', () => {
    expect(run([null, ...Array<number>(13).fill(95), null, null, 70]).slice(-3)).toEqual(['firing', 'firing', 'resolved']);
    expect(run([null, null])).toEqual(['inactive', 'inactive']);
  });

  it('drops what was pending on a host that fell silent, and keeps what fired', () => {
    const pending = evaluate(rule, reading(95), null, 0)?.alert ?? null;
    const lost = { ...reading(null), lost: true };
    expect(evaluate(rule, reading(null), pending, 60_000)?.change).toBeNull();
    expect(evaluate(rule, lost, pending, 60_000)?.change).toBe('dropped');
    const firing = evaluate(rule, reading(95), pending, 120_000)?.alert ?? null;
    expect(evaluate(rule, lost, firing, 180_000)).toMatchObject({ alert: { state: 'firing' }, change: null });
  });

  it('never fires before the condition held for the whole time, whatever the readings', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.double({ min: 0, max: 100, noNaN: true }), fc.constant(null)), { maxLength: 60 }), (values) => {
        const states = run(values);
        states.forEach((state, index) => {
          if (state !== 'firing' || states[index - 1] === 'firing') return;
          const window = values.slice(index - 12, index + 1);
          expect(window).toHaveLength(13);
          expect(window.every((value) => value === null || value > 90)).toBe(true);
        });
      }),
    );
  });

  it('writes the value and the limit into the sentence', () => {
    expect(evaluate(rule, reading(95.1234), null, 0)?.alert.summary).toBe('CPU 95.1 %, limit 90 %');
  });

  it('makes ids that are one topic level, different for different tags', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 300, unit: 'binary' }), fc.string({ maxLength: 300, unit: 'binary' }), (a, b) => {
        const [x, y] = [alertId(rule, 'pve1', { path: toWellFormed(a) }), alertId(rule, 'pve1', { path: toWellFormed(b) })];
        expect(x).toMatch(/^[A-Za-z0-9_.:-]{1,128}$/);
        expect(x === y).toBe(toWellFormed(a) === toWellFormed(b));
      }),
    );
  });

  it('gives the alerts of two hosts different ids, whatever tags one of them invents', () => {
    expect(alertId(rule, 'pve', { disk: 'lan.sda' })).not.toBe(alertId(rule, 'pve.lan', { disk: 'sda' }));
  });
});

function toWellFormed(text: string): string {
  return Buffer.from(text, 'utf8').toString('utf8');
}

describe('observe', () => {
  it('accuses a host that said offline, and one that is silent for three intervals', () => {
    expect(observe(offline, view({}), 29_000, 0)[0]?.holds).toBe(false);
    expect(observe(offline, view({}), 31_000, 0)[0]).toMatchObject({ holds: true, since: 30_000 });
    expect(observe(offline, view({ offlineSince: 5_000 }), 6_000, 0)[0]).toMatchObject({ holds: true, since: 5_000 });
  });

  it('accuses nobody of the time in which the server itself was down, nor a host that never came', () => {
    const old = view({ state: 'offline', lastSampleAt: null, lastSeenAt: 1 });
    expect(observe(offline, old, 1_000_000, 990_000)[0]).toMatchObject({ holds: false, clears: false });
    expect(observe(offline, old, 1_030_000, 990_000)[0]?.holds).toBe(true);
    // Behind a gateway: its wills come one after the other, and what is gone with it is its own alert.
    const behind = { offlineSince: 5_000, gateway: 'gw' };
    expect(observe(offline, view(behind), 29_000, 0)[0]).toMatchObject({ holds: null, clears: false });
    expect(observe(offline, view(behind), 31_000, 0)[0]).toMatchObject({ holds: true, since: 5_000 });
    expect(observe(offline, view({ ...behind, state: 'unknown' }), 99_000, 0)[0]).toMatchObject({ holds: null, lost: true });
    expect(observe(offline, view({ lastSeenAt: null, lastSampleAt: null, state: 'never_connected' }), 1_000_000, 0)).toEqual([]);
  });

  it('resolves no silent host because this server lost its own connection meanwhile', () => {
    const silent = view({ lastSampleAt: 10_000, lastSeenAt: 10_000 });
    expect(observe(offline, silent, 200_000, 199_000)[0]).toMatchObject({ holds: false, clears: false });
    expect(observe(offline, { ...silent, lastSampleAt: 199_500 }, 200_000, 199_000)[0]).toMatchObject({ holds: false, clears: true });
  });

  it('names both runs of an identity, and resolves only what this server had time to hear', () => {
    const [twice] = toRules(
      [{ name: 'two', severity: 'warning', condition: 'conflict', summary: '{host}: {older} and {newer}' }],
      catalog,
    ).rules;
    if (twice === undefined) throw new Error('no rule');
    const cloned = view({ conflict: { since: 5000, runs: ['r1', 'r2'] } });
    const [seen] = observe(twice, cloned, 6000, 0);
    if (seen === undefined) throw new Error('nothing seen');
    const fired = evaluate(twice, seen, null, 6000)?.alert ?? null;
    expect(fired).toMatchObject({ id: 'two.pve1', state: 'firing', since: 5000, summary: 'pve1: r1 and r2', measurement: null });
    const [early] = observe(twice, view({}), 7000, 0);
    const [late] = observe(twice, view({}), 700_000, 0);
    if (early === undefined || late === undefined) throw new Error('nothing seen');
    expect(evaluate(twice, early, fired, 7000)).toMatchObject({ change: null, alert: { state: 'firing', summary: 'pve1: r1 and r2' } });
    expect(evaluate(twice, late, fired, 700_000)).toMatchObject({ change: 'resolved', alert: { summary: 'pve1: r1 and r2' } });
    expect(evaluate(twice, late, null, 700_000)).toBeNull();
  });

  it('reads the rows that the rule asks for, and stale ones as no data', () => {
    const rows = [
      { tags: { cpu: 'cpu0' }, fields: { usage_active: 100 } },
      { tags: { cpu: 'cpu-total' }, fields: { usage_active: 91 } },
    ];
    const busy = view({ latest: () => ({ rows, receivedAt: 0, interval: 10 }) });
    expect(observe(rule, busy, 1_000, 0)).toMatchObject([{ value: 91, holds: true, clears: false }]);
    expect(observe(rule, busy, 31_000, 0)).toMatchObject([{ holds: null, lost: true, clears: false }]);
    expect(observe(rule, busy, 31_000, 20_000)).toMatchObject([{ holds: null, lost: false }]);
    const perCore = toRules([{ ...table, where: {}, group_by: ['cpu'] }], catalog).rules[0] as ThresholdRule;
    expect(observe(perCore, busy, 1_000, 0).map(({ labels, value }) => [labels['cpu'], value])).toEqual([
      ['cpu0', 100],
      ['cpu-total', 91],
    ]);
    const worst = toRules([{ ...table, where: {} }], catalog).rules[0] as ThresholdRule;
    expect(observe(worst, busy, 1_000, 0)).toMatchObject([{ value: 100 }]);
  });
});

describe('isFor', () => {
  const of = (change: Partial<RuleTable>): ThresholdRule => toRules([{ ...table, ...change }], catalog).rules[0] as ThresholdRule;

  it('takes hosts of one of the groups that have all of the labels; without either all hosts', () => {
    const attic = { group: 'pi', labels: { site: 'home', rack: '7' } };
    const lone = { group: null, labels: {} };
    expect([isFor(rule, attic), isFor(rule, lone)]).toEqual([true, true]);
    const ofPi = of({ groups: ['pi', 'gpu'] });
    expect([isFor(ofPi, attic), isFor(ofPi, lone), isFor(ofPi, { ...attic, group: 'Pi' })]).toEqual([true, false, false]);
    const atHome = of({ labels: { site: 'home' } });
    expect([isFor(atHome, attic), isFor(atHome, lone), isFor(atHome, { ...attic, labels: { site: 'work' } })]).toEqual([
      true,
      false,
      false,
    ]);
    expect(isFor(of({ groups: ['pi'], labels: { site: 'home', rack: '8' } }), attic)).toBe(false);
    expect(isFor(of({ labels: { constructor: 'x' } }), lone)).toBe(false);
  });
});

describe('toRules', () => {
  it('reports every problem at once, each with what is allowed', () => {
    const { rules, problems } = toRules(
      [
        table,
        { ...table, field: 'usage' },
        { ...table, name: 'b', measurement: 'cpus' },
        { ...table, name: 'c', field: 'model' },
        { ...table, name: 'd', field: 'time_active' },
        { ...table, name: 'e', clear_threshold: 95 },
        { ...table, name: 'f', where: { core: '1' } },
        { name: 'g', severity: 'info', condition: 'offline', threshold: 1, summary: 'x' },
        { name: 'h', severity: 'info', condition: 'below', summary: 'x' },
      ],
      catalog,
    );
    expect(rules.map(({ name }) => name)).toEqual(['high_cpu', 'g']);
    expect(problems.map(({ key }) => key)).toEqual([
      'rule[1].name',
      'rule[1].field',
      'rule[2].measurement',
      'rule[3].field',
      'rule[4].field',
      'rule[5].clear_threshold',
      'rule[6].where',
      'rule[7].threshold',
      'rule[8].measurement',
      'rule[8].field',
      'rule[8].threshold',
    ]);
    expect(problems[1]?.allowed).toContain('usage_active');
  });
});

describe('rules over what hosts measure of their own', () => {
  it('name measurements that nobody declares, and only those', () => {
    const own: RuleTable = { ...table, measurement: 'custom_ups', field: 'load', where: { model: 'a' }, group_by: ['source'] };
    expect(toRules([own], catalog)).toMatchObject({ problems: [], rules: [{ measurement: 'custom_ups', groupBy: ['source'], unit: '1' }] });
    expect(toRules([{ ...own, measurement: 'ups' }], catalog).problems[0]?.allowed).toContain('custom_*');
  });
});

describe('loadRules', () => {
  it('names the file, the line, the key, the value and what is allowed', async () => {
    const file = join(tempDir(), 'rules.toml');
    writeFileSync(
      file,
      '[[rule]]\nname = "x"\nseverity = "loud"\ncondition = "above"\nmeasurement = "cpu"\nfield = "usage"\nthreshold = 1\nsummary = "s"\n',
    );
    await expect(loadRules(file, catalog)).rejects.toThrow(/rules\.toml[\s\S]*severity[\s\S]*loud[\s\S]*critical/);
    writeFileSync(
      file,
      '[[rule]]\nname = "x"\nseverity = "info"\ncondition = "above"\nmeasurement = "cpu"\nfield = "usage"\nthreshold = 1\nsummary = "s"\n',
    );
    await expect(loadRules(file, catalog)).rejects.toThrow(/field[\s\S]*usage[\s\S]*usage_active/);
    const narrow = '[[rule]]\nname = "x"\nseverity = "info"\ncondition = "offline"\nsummary = "s"\n';
    writeFileSync(file, `${narrow}groups = []\nlabels = { Site = "x" }\n`);
    await expect(loadRules(file, catalog)).rejects.toThrow(/groups[\s\S]*labels/);
    writeFileSync(file, `${narrow}groups = ["Raspberry Pis"]\nlabels = { site = "home" }\n`);
    expect(await loadRules(file, catalog)).toMatchObject([{ groups: ['Raspberry Pis'], labels: { site: 'home' } }]);
  });
});
