import { COLLECTORS, remoteConfigSchema } from '@hostwire/collectors';
import { configKeys } from '@hostwire/model';
import fc from 'fast-check';
import Value from 'typebox/value';
import { describe, expect, it } from 'vitest';
import { checkRemoteConfig } from './check.ts';

const schema = remoteConfigSchema();

describe('checkRemoteConfig', () => {
  it('takes what an agent can be told, with nothing filled in', () => {
    const config = {
      enabled: false,
      compress: true,
      intervals: { fast_seconds: 1, slow_seconds: 86_400 },
      collectors: { disk: { enabled: true, tier: 'slow', timeout_seconds: 3, ignore_fs: ['tmpfs'] }, docker: { per_device: ['cpu'] } },
    };
    expect(checkRemoteConfig(config)).toEqual({ config, problems: [] });
    expect(checkRemoteConfig({})).toEqual({ config: {}, problems: [] });
  });

  it('reads text as what is wanted where it came as text', () => {
    const text = { enabled: 'no', intervals: { fast_seconds: '60' }, collectors: { disk: { ignore_fs: 'tmpfs, overlay', tier: 'slow' } } };
    expect(checkRemoteConfig(text, { fromText: true })).toEqual({
      config: { enabled: false, intervals: { fast_seconds: 60 }, collectors: { disk: { ignore_fs: ['tmpfs', 'overlay'], tier: 'slow' } } },
      problems: [],
    });
    expect(checkRemoteConfig(text).problems).toHaveLength(3);
  });

  it('says of each key that cannot be set why, and keeps the rest', () => {
    const { config, problems } = checkRemoteConfig({
      server_url: 'mqtt://elsewhere',
      token: 'secret-token',
      dump_dir: '/tmp/x',
      debug: { dump_dir: '/tmp/x' },
      actions: {},
      remotes: [],
      sudo: true,
      commands: ['rm'],
      tls: { ca: '/x' },
      spool: { dir: '/x' },
      enabled: 'yes',
      intervals: { fast_seconds: 0.5, medium_seconds: 86_401, slow_seconds: null, fast: 3 },
      collectors: { docker: { socket: '/run/evil.sock', enabled: true }, cpuu: {}, net: { tier: 'often', interfaces: ['a', 3] } },
    });
    expect(config).toEqual({ collectors: { docker: { enabled: true } } });
    const text = problems.join('\n');
    expect(text).not.toMatch(/secret-token|evil|elsewhere/);
    for (const key of [
      'server_url',
      'token',
      'dump_dir',
      'debug',
      'actions',
      'remotes',
      'sudo',
      'commands',
      'tls',
      'spool',
      'collectors.docker.socket',
    ]) {
      expect(problems).toContain(`${key} is set in the host's own file alone, never by a server`);
    }
    expect(text).toContain('intervals.fast_seconds = 0.5 must be a number from 1 to 86400');
    expect(text).toContain('collectors.cpuu');
    expect(text).toContain('collectors.net.interfaces[1] = 3 must be text');
    expect(text).not.toContain('allowed here: enabled, compress, intervals, collectors, server_url');
  });

  it('holds whatever it is given: what comes out is what an agent can be told, and was asked for', () => {
    const hostile = fc.oneof(
      { maxDepth: 2 },
      fc.constantFrom<unknown>(0, -1, Number.NaN, Number.POSITIVE_INFINITY, 1e300, '', 'x', null, true, [], ['*'], 1n),
      fc.jsonValue({ maxDepth: 2 }),
    );
    const names = ['cpu', 'disk', 'docker', 'net', '__proto__', 'constructor', 'x'];
    const settings = ['enabled', 'tier', 'timeout_seconds', 'socket', 'ignore_fs', 'per_core', 'toString', '__proto__'];
    const body = fc.dictionary(
      fc.constantFrom('enabled', 'compress', 'intervals', 'collectors', 'token', '__proto__', 'x'),
      fc.oneof(
        hostile,
        fc.dictionary(
          fc.constantFrom('fast_seconds', 'medium_seconds', 'slow_seconds', ...names),
          fc.oneof(hostile, fc.dictionary(fc.constantFrom(...settings), hostile)),
        ),
      ),
    );
    fc.assert(
      fc.property(fc.oneof(hostile, body), fc.boolean(), (value, fromText) => {
        const { config, problems } = checkRemoteConfig(value, { fromText });
        expect(Value.Check(schema, config)).toBe(true);
        const asked = new Map([...configKeys(isTable(value) ? value : {})]);
        for (const [path] of configKeys(config)) expect(asked.has(path)).toBe(true);
        for (const [path] of asked) {
          const isKept = [...configKeys(config)].some(([key]) => key === path);
          const isTold = problems.length > 0;
          expect(isKept || isTold).toBe(true);
        }
        expect(config).not.toHaveProperty('collectors.docker.socket');
      }),
      { numRuns: 500 },
    );
  });
});

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

it('is said of every option of every collector whether a server may set it', () => {
  for (const { name, options } of COLLECTORS) {
    for (const [key, option] of Object.entries((options as unknown as { properties: Record<string, object> }).properties)) {
      expect(typeof Reflect.get(option, 'remote'), `collectors.${name}.${key}`).toBe('boolean');
    }
  }
});
