import fc from 'fast-check';
import Type, { type Static } from 'typebox';
import { describe, expect, it } from 'vitest';
import { ConfigError, type LoadOptions, loadToml, overridesFrom } from './config.ts';

const schema = Type.Object({
  server_url: Type.String({ pattern: '^mqtts?://', allowed: 'a URL that starts with mqtt:// or mqtts://', default: 'mqtt://localhost' }),
  token: Type.Optional(Type.String({ minLength: 8 })),
  compress: Type.Boolean({ default: false }),
  mode: Type.Union([Type.Literal('fast'), Type.Literal('slow')], { default: 'fast' }),
  intervals: Type.Object({
    fast_seconds: Type.Number({ minimum: 1, maximum: 3600, default: 30 }),
    slow_seconds: Type.Integer({ minimum: 1, default: 1800 }),
  }),
  broker: Type.Optional(Type.Object({ url: Type.String(), port: Type.Integer({ minimum: 1, maximum: 65535, default: 1883 }) })),
  names: Type.Array(Type.String({ minLength: 1 }), { default: [] }),
  labels: Type.Record(Type.String(), Type.String(), { default: {} }),
});

function problemsOf(text: string, options: Partial<LoadOptions<Static<typeof schema>>> = {}): ConfigError {
  try {
    loadToml(text, schema, { file: 'test.toml', ...options });
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('no ConfigError');
}

describe('loadToml', () => {
  it('fills in defaults, also of tables that are missing, and leaves optional tables out', () => {
    expect(loadToml('', schema, { file: 'test.toml' })).toEqual({
      server_url: 'mqtt://localhost',
      compress: false,
      mode: 'fast',
      intervals: { fast_seconds: 30, slow_seconds: 1800 },
      names: [],
      labels: {},
    });
  });

  it('takes what the file says', () => {
    const text =
      'server_url = "mqtts://h"\nnames = ["a", "b"]\n[intervals]\nfast_seconds = 2.5\n[broker]\nurl = "x"\n[labels]\n"a b" = "c"\n';
    const config = loadToml(text, schema, { file: 'test.toml' });
    expect(config.intervals).toEqual({ fast_seconds: 2.5, slow_seconds: 1800 });
    expect(config.broker).toEqual({ url: 'x', port: 1883 });
    expect(config.names).toEqual(['a', 'b']);
    expect(config.labels).toEqual({ 'a b': 'c' });
  });

  it('reports all problems at once with key, value, line and what is allowed', () => {
    const text = [
      'server_url = "http://h"',
      'servr_url = "mqtt://h"',
      'mode = "medium"',
      'names = ["a", ""]',
      '[intervals]',
      'fast_seconds = 0',
      'slow_seconds = 1.5',
      '[broker]',
      'port = "1883"',
    ].join('\n');
    const { problems, message } = problemsOf(text);
    expect(problems).toEqual([
      { key: 'server_url', value: '"http://h"', allowed: 'must be a URL that starts with mqtt:// or mqtts://', line: 1 },
      { key: 'mode', value: '"medium"', allowed: 'must be one of "fast", "slow"', line: 3 },
      { key: 'intervals.fast_seconds', value: '0', allowed: 'must be a number from 1 to 3600', line: 6 },
      { key: 'intervals.slow_seconds', value: '1.5', allowed: 'must be a whole number, 1 or more', line: 7 },
      { key: 'broker.url', allowed: 'is missing; it must be text' },
      { key: 'broker.port', value: '"1883"', allowed: 'must be a whole number from 1 to 65535', line: 9 },
      { key: 'names[1]', value: '""', allowed: 'must be text that is not empty', line: 4 },
      { key: 'servr_url', value: '"mqtt://h"', allowed: 'is not a known key; did you mean server_url?', line: 2 },
    ]);
    expect(message).toContain('test.toml: 8 problems\n');
    expect(message).toContain('  intervals.fast_seconds = 0 (line 6) must be a number from 1 to 3600\n');
  });

  it('names the known keys where none is near', () => {
    expect(problemsOf('[intervals]\nzzzzzzzz = 1').problems[0]?.allowed).toBe(
      'is not a known key; allowed here: fast_seconds, slow_seconds',
    );
  });

  it('never shows a secret', () => {
    const { message } = problemsOf('token = "s3cr3t"\nserver_url = "http://me:s3cr3t@h"\n[brokr]\npassword = "s3cr3t"\n');
    expect(message).not.toContain('s3cr3t');
    expect(message).toContain('token = *** (line 1)');
    expect(message).toContain('"http://me:***@h"');
    expect(message).toContain('brokr = {"password":"***"}');
    expect(problemsOf('token = "s3cr3t\n').message).not.toContain('s3cr3t');
  });

  it('tells line and column of a syntax error', () => {
    const { message } = problemsOf('compress = true\nmode = = 3\n');
    expect(message).toMatch(/^test\.toml: 1 problem\n {2}line 2, column 8 is not TOML: /);
  });

  it('takes keys of Object.prototype as unknown keys', () => {
    expect(() => loadToml('[__proto__]\npolluted = 1', schema, { file: 'test.toml' })).toThrow(ConfigError);
    expect(problemsOf('toString = 1').problems[0]?.key).toBe('toString');
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it('lays overrides over the file and reads their text by the schema', () => {
    const environment = { T_FAST: '5', T_COMPRESS: 'true', T_NAMES: 'a, b', T_URL: 'mqtt://e', T_EMPTY: '', T_PORT: '99' };
    const names = {
      T_FAST: 'intervals.fast_seconds',
      T_COMPRESS: 'compress',
      T_NAMES: 'names',
      T_URL: 'server_url',
      T_EMPTY: 'mode',
      T_ABSENT: 'mode',
      T_PORT: 'broker.port',
    };
    const overrides = [...overridesFrom(environment, names), ...overridesFrom({ url: 'mqtt://flag' }, { url: 'server_url' })];
    const config = loadToml('mode = "slow"\n[broker]\nurl = "x"', schema, { file: 'test.toml', overrides });
    expect(config).toMatchObject({
      intervals: { fast_seconds: 5 },
      compress: true,
      names: ['a', 'b'],
      server_url: 'mqtt://flag',
      mode: 'slow',
      broker: { url: 'x', port: 99 },
    });
  });

  it('names the override that is wrong', () => {
    const overrides = overridesFrom({ fast: 'soon' }, { fast: 'intervals.fast_seconds' }, (name) => `--${name}`);
    expect(problemsOf('[intervals]\nfast_seconds = 3', { overrides }).message).toContain(
      'intervals.fast_seconds = "soon" (from --fast) must be a number from 1 to 3600',
    );
    expect(problemsOf('intervals = 3', { overrides }).message).toContain('intervals.fast_seconds (from --fast) cannot be set');
  });

  it('reports what the rules find beside what the schema finds', () => {
    const rules = (value: Partial<Static<typeof schema>>) => (value.token === undefined ? [{ key: 'token', allowed: 'is missing' }] : []);
    expect(problemsOf('mode = 3', { rules }).problems.map(({ key }) => key)).toEqual(['mode', 'token']);
    expect(loadToml('token = "12345678"', schema, { file: 'test.toml', rules }).token).toBe('12345678');
  });

  it('fills in the defaults inside of a table that is itself a default', () => {
    const nested = Type.Object({ outer: Type.Object({ inner: Type.Integer({ default: 3 }) }, { default: {} }) });
    expect(loadToml('', nested, { file: 'test.toml' })).toEqual({ outer: { inner: 3 } });
  });

  it('throws nothing but ConfigError, whatever the text', () => {
    const line = fc.oneof(
      fc.string(),
      fc.constantFrom('[intervals]', 'fast_seconds = 1', 'token = "x', '[[broker]]', 'names = [1,', 'a.b.c = 1'),
    );
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        try {
          loadToml(lines.join('\n'), schema, { file: 'test.toml' });
        } catch (error) {
          expect(error).toBeInstanceOf(ConfigError);
        }
      }),
    );
  });
});
