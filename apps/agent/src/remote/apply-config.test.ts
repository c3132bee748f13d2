import { COLLECTORS, collectorsConfigSchema } from '@hostwire/collectors';
import { hostInfoCheck } from '@hostwire/model/schema';
import fc from 'fast-check';
import { Compile } from 'typebox/compile';
import { describe, expect, it } from 'vitest';
import { type AgentConfig, loadConfig } from '../agent-config.ts';
import { applyConfig } from './apply-config.ts';

const plain = await loadConfig('/nonexistent', {}, { connect: false, mustExist: false });
const own = (change: Partial<AgentConfig> = {}): AgentConfig => ({ ...plain, ...change });

const collectorsCheck = Compile(collectorsConfigSchema());

describe('applyConfig', () => {
  it('lays what a server sets over the file, key by key', () => {
    const file = own({ collectors: { disk: { enabled: true, tier: 'slow', ignore_fs: ['tmpfs'] } } });
    const { settings, applied, refused } = applyConfig(file, {
      compress: true,
      intervals: { fast_seconds: 5 },
      collectors: { disk: { ignore_fs: ['overlay'] }, temp: { enabled: false } },
    });
    expect(settings).toEqual({
      enabled: true,
      compress: true,
      intervals: { fast_seconds: 5, medium_seconds: 300, slow_seconds: 1800 },
      collectors: { disk: { enabled: true, tier: 'slow', ignore_fs: ['overlay'] }, temp: { enabled: false } },
    });
    expect(applied).toEqual(['compress', 'intervals.fast_seconds', 'collectors.disk.ignore_fs', 'collectors.temp.enabled']);
    expect(refused).toEqual([]);
  });

  it('leaves what the file pins, and turns on nothing that the file turns off', () => {
    const file = own({
      pin: ['intervals', 'collectors.disk', 'collectors.cpu.per_core'],
      enabled: false,
      collectors: { docker: { enabled: false }, temp: { enabled: false } },
    });
    const { settings, applied, refused } = applyConfig(file, {
      enabled: true,
      intervals: { fast_seconds: 5, slow_seconds: 60 },
      collectors: {
        disk: { enabled: false },
        cpu: { per_core: false, tier: 'medium' },
        docker: { enabled: true },
        temp: { enabled: false },
      },
    });
    expect(settings).toMatchObject({ enabled: false, intervals: plain.intervals });
    expect(settings.collectors).toEqual({ docker: { enabled: false }, temp: { enabled: false }, cpu: { tier: 'medium' } });
    expect(applied).toEqual(['collectors.cpu.tier', 'collectors.temp.enabled']);
    expect(Object.fromEntries(refused.map(({ key, reason }) => [key, reason]))).toEqual({
      enabled: "enabled is switched off in the host's own file, which no server overrules",
      'intervals.fast_seconds': "intervals.fast_seconds is pinned in the host's own file",
      'intervals.slow_seconds': "intervals.slow_seconds is pinned in the host's own file",
      'collectors.cpu.per_core': "collectors.cpu.per_core is pinned in the host's own file",
      'collectors.disk.enabled': "collectors.disk.enabled is pinned in the host's own file",
      'collectors.docker.enabled': "collectors.docker.enabled is switched off in the host's own file, which no server overrules",
    });
  });

  it('never takes who it is, where it writes, what it runs or asks from a server, whatever the rest is', () => {
    const { settings, applied, refused } = applyConfig(own(), {
      server_url: 'mqtt://evil',
      token: 'evil',
      dump_dir: '/etc',
      debug: { dump_dir: '/etc' },
      tls: { ca: '/evil' },
      pin: [],
      actions: { x: 'rm' },
      collectors: { docker: { socket: '/evil.sock' }, procstat: { patterns: ['x'] } },
      intervals: { fast_seconds: 7 },
    });
    expect(applied).toEqual(['intervals.fast_seconds']);
    expect(settings.collectors).toEqual(plain.collectors);
    expect(refused).toHaveLength(9);
    expect(JSON.stringify(refused)).not.toMatch(/evil|\/etc|"rm"/);
  });

  it('holds whatever it is sent: settings are valid, the report fits into `info`, and each key is applied or refused', () => {
    const hostile = fc.oneof(
      { maxDepth: 2 },
      fc.constantFrom<unknown>(0, -5, 1e9, Number.NaN, Number.NEGATIVE_INFINITY, '', 'x'.repeat(9999), true, false, null, [[]], 5, 60),
      fc.jsonValue({ maxDepth: 3 }),
    );
    const keys = (...names: string[]) => fc.oneof(fc.constantFrom(...names, '__proto__', 'constructor', 'x'.repeat(500)), fc.string());
    const collectors = fc.dictionary(
      keys(...COLLECTORS.map(({ name }) => name)),
      fc.oneof(hostile, fc.dictionary(keys('enabled', 'tier', 'timeout_seconds', 'socket', 'top', 'ignore_fs', 'per_core'), hostile)),
    );
    const intervals = fc.dictionary(keys('fast_seconds', 'medium_seconds', 'slow_seconds'), hostile);
    const sent = fc.oneof(hostile, fc.record({ enabled: hostile, compress: hostile, intervals, collectors, token: hostile, x: hostile }));
    fc.assert(
      fc.property(sent, (config) => {
        const { settings, applied, refused } = applyConfig(own({ pin: ['collectors.cpu'] }), config);
        expect(collectorsCheck.Check(settings.collectors)).toBe(true);
        for (const seconds of Object.values(settings.intervals)) expect(seconds >= 1 && seconds <= 86_400).toBe(true);
        expect([typeof settings.enabled, typeof settings.compress]).toEqual(['boolean', 'boolean']);
        expect(settings.collectors['cpu']).toEqual(plain.collectors['cpu']);
        const refusedKeys = new Set(refused.map(({ key }) => key));
        for (const key of applied) expect(refusedKeys.has(key)).toBe(false);
        const facts = { agent_version: '', hostname: '', os: '', kernel: '', arch: '', user: '', groups: [], capabilities: {}, run: 'r' };
        const report = { hash: 'a', applied, refused, unreadable: 0 };
        expect(hostInfoCheck.Check({ ...facts, intervals: { fast: 1, medium: 1, slow: 1 }, config: report })).toBe(true);
        expect(JSON.stringify(report).length).toBeLessThan(64 * 1024);
      }),
      { numRuns: 300 },
    );
  });
});
