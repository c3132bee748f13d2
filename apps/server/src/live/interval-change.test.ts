import { observe, type Rule } from '@hostwire/alerting';
import { type HostInfo, type Sample, toCatalog } from '@hostwire/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createCatalogIndex } from './catalog-index.ts';
import { createLiveState } from './live-state.ts';

const OFFLINE: Rule = { name: 'host_offline', severity: 'critical', condition: 'offline', groups: null, labels: {}, forMs: 0, summary: '' };
const START = 1_790_000_000_000;

/** A host as the server sees it, second by second, while its agent is told to go on in another rhythm. */
function watched(interval: number) {
  const live = createLiveState(createCatalogIndex(toCatalog([])));
  live.sync([{ host: 'h1', createdAt: 0, firstSeenAt: null, lastSeenAt: null, info: null, group: null, labels: {}, gateway: null }]);
  const host = live.get('h1');
  if (host === undefined) throw new Error('no host');
  let [now, seq, due, enabled] = [START, 0, START, true];
  let seconds = interval;
  const accused: string[] = [];
  const say = (): void => {
    const info: HostInfo = {
      ...{ agent_version: '', hostname: '', os: '', kernel: '', arch: '', user: '', groups: [], capabilities: {}, run: 'r1' },
      intervals: { fast: seconds, medium: 300, slow: 1800 },
      ...(enabled ? {} : { enabled }),
    };
    live.applyInfo('h1', info, { receivedAt: now, retained: false });
  };
  const tick = (): void => {
    if (!enabled) {
      live.applyStatus('h1', 'online', { receivedAt: now, retained: false });
      return;
    }
    const sample: Sample = { v: 1, host: 'h1', tier: 'fast', run: 'r1', seq: ++seq, time: now, interval: seconds, catalog: '', data: {} };
    live.applySample(sample, { receivedAt: now, retained: false });
  };
  say();
  return {
    host,
    accused,
    change(to: number, isEnabled = true) {
      due = enabled === isEnabled ? Math.min(due, now + to * 1000) : now + (isEnabled ? 1000 : to * 1000);
      [seconds, enabled] = [to, isEnabled];
      say();
    },
    run(forSeconds: number, alive = true) {
      for (let i = 0; i < forSeconds; i++, now += 1000) {
        if (alive && now >= due) {
          tick();
          due = now + seconds * 1000;
        }
        const at = now - START;
        if (host.isLate(now)) accused.push(`${at} late`);
        if (observe(OFFLINE, host, now, START).some(({ holds }) => holds === true)) accused.push(`${at} offline`);
      }
    },
  };
}

describe('a host whose interval changes', () => {
  it('is neither late nor offline from 5 s to 60 s and back', () => {
    const agent = watched(5);
    agent.run(60);
    agent.change(60);
    expect(agent.host.interval).toBe(60);
    agent.run(600);
    agent.change(5);
    agent.run(120);
    expect(agent.host.interval).toBe(5);
    expect(agent.accused).toEqual([]);
  });

  it('is never accused, however often it changes and pauses, and always once it is silent', () => {
    const seconds = fc.integer({ min: 1, max: 300 });
    fc.assert(
      fc.property(seconds, fc.array(fc.tuple(seconds, fc.boolean(), fc.integer({ min: 0, max: 900 })), { maxLength: 8 }), (first, list) => {
        const agent = watched(first);
        agent.run(10);
        let longest = first;
        for (const [to, enabled, runs] of list) {
          agent.change(to, enabled);
          longest = Math.max(longest, to);
          agent.run(runs);
        }
        expect(agent.accused).toEqual([]);
        agent.run(3 * longest + 5, false);
        expect(agent.accused.at(-1)).toMatch(/offline|late/);
      }),
      { numRuns: 60 },
    );
  });

  it('is not late while it is paused, but offline once it says nothing any more', () => {
    const agent = watched(5);
    agent.run(60);
    agent.change(5, false);
    agent.run(3600);
    expect([agent.accused, agent.host.isPaused, agent.host.state]).toEqual([[], true, 'online']);
    agent.run(30, false);
    expect(new Set(agent.accused.map((text) => text.split(' ')[1]))).toEqual(new Set(['offline']));
  });
});
