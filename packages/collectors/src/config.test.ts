import Value from 'typebox/value';
import { describe, expect, it } from 'vitest';
import { collectorsConfigSchema, settingsOf } from './config.ts';
import { disk } from './disk/index.ts';
import { COLLECTORS } from './registry.ts';

const schema = collectorsConfigSchema();
const withDefaults = (table: unknown) => Value.Default(schema, table);

describe('collectorsConfigSchema', () => {
  it('fills in every default from an empty table, and that is valid', () => {
    const config = withDefaults({}) as Record<string, Record<string, unknown>>;
    expect(Value.Check(schema, config)).toBe(true);
    expect(Object.keys(config).sort()).toEqual(COLLECTORS.map(({ name }) => name).sort());
    expect(config['disk']).toMatchObject({ enabled: true, tier: 'medium', ignore_fs: expect.arrayContaining(['tmpfs']) });
  });

  it('accepts a table without defaults, so that a check needs no filling in', () => {
    expect(Value.Check(schema, {})).toBe(true);
  });

  it.each([
    ['an unknown collector', { cqu: {} }, '/cqu'],
    ['an unknown key', { cpu: { intervall: 3 } }, '/cpu/intervall'],
    ['a wrong type', { disk: { ignore_fs: 'tmpfs' } }, '/disk/ignore_fs'],
    ['an unknown tier', { net: { tier: 'often' } }, '/net/tier'],
    ['a timeout of nothing', { net: { timeout_seconds: 0 } }, '/net/timeout_seconds'],
  ])('refuses %s and says where', (_, table, path) => {
    const errors = Value.Errors(schema, withDefaults(table));
    expect(errors.map(({ instancePath }) => instancePath)).toContain(path);
  });
});

describe('settingsOf', () => {
  it('divides what the runner goes by from what the collector gets', () => {
    expect(settingsOf(disk, { disk: { tier: 'slow', timeout_seconds: 3, ignore_fs: ['ext4'] } })).toEqual({
      enabled: true,
      tier: 'slow',
      timeoutSeconds: 3,
      options: { ignore_fs: ['ext4'], mount_timeout_seconds: 2 },
    });
  });

  it('leaves off what is to be opted in, and does not say so where the file is silent', () => {
    const quiet = { ...disk, optIn: true } as const;
    expect(settingsOf(quiet, {}).enabled).toBe(false);
    expect(settingsOf(quiet, { disk: { enabled: true } }).enabled).toBe(true);
    expect(Value.Default(collectorsConfigSchema([quiet]), {})).not.toHaveProperty('disk.enabled');
    expect(Value.Default(collectorsConfigSchema([quiet]), { disk: { enabled: false } })).toHaveProperty('disk.enabled', false);
  });

  it('names the key that is not valid', () => {
    expect(() => settingsOf(disk, { disk: { enabled: 'yes' } })).toThrow('collectors.disk.enabled');
  });

  it('leaves the configuration that it was given as it was', () => {
    const config = Object.freeze({ disk: Object.freeze({}) });
    settingsOf(disk, config);
    expect(config).toEqual({ disk: {} });
  });
});
