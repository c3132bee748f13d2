import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError } from '@hostwire/service';
import { tempDir } from '@hostwire/testkit';
import { describe, expect, it } from 'vitest';
import { AgentConfigSchema, configPath, connectionOf, intervalsOf, loadConfig } from './agent-config.ts';

const example = new URL('../agent.example.toml', import.meta.url);

function write(text: string): string {
  const file = join(tempDir(), 'agent.toml');
  writeFileSync(file, text);
  return file;
}

async function errorOf(text: string, env: NodeJS.ProcessEnv = {}, connect = true): Promise<string> {
  const file = write(text);
  const error = await loadConfig(file, env, { connect, mustExist: true }).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ConfigError)) throw new Error(`expected a ConfigError, got ${String(error)}`);
  return error.message.replaceAll(file, 'FILE');
}

describe('loadConfig', () => {
  it('has the documented defaults', async () => {
    const file = write('server_url = "mqtt://h"\ntoken = "t"\n');
    const config = await loadConfig(file, {}, { connect: true, mustExist: true });
    expect(config).toMatchObject({ compress: false, topic_root: 'hostwire', debug: { dump_dir: '' } });
    expect(config.host_id).toBeUndefined();
    expect(intervalsOf(config)).toEqual({ fast: 30, medium: 300, slow: 1800 });
    expect(config.collectors['cpu']).toMatchObject({ enabled: true, tier: 'fast' });
  });

  it('takes fractional intervals, and the environment before the file', async () => {
    const file = write('server_url = "mqtt://h"\ntoken_file = "x"\n[intervals]\nfast_seconds = 1.5\n');
    const env = {
      HOSTWIRE_AGENT_SERVER_URL: 'wss://[::1]:443/mqtt',
      HOSTWIRE_AGENT_TOKEN_FILE: file,
      HOSTWIRE_AGENT_HOST_ID: 'pi',
    };
    const config = await loadConfig(file, env, { connect: true, mustExist: true });
    expect(config).toMatchObject({ server_url: 'wss://[::1]:443/mqtt', token_file: file, host_id: 'pi' });
    expect(intervalsOf(config).fast).toBe(1.5);
  });

  it('reports everything at once, and no secret', async () => {
    const message = await errorOf(
      'server_url = "http://h"\ntoken = "s3cr3t"\ntoken_file = "x"\nhost_id = "Pi 4"\n[intervals]\nfast_seconds = 0.5\n[collectors.cpu]\nper_coar = true\n[collectors.nope]\n',
    );
    expect(message.split('\n')).toEqual([
      'FILE: 6 problems',
      '  server_url = "http://h" (line 1) must be a URL: mqtt://, mqtts://, ws:// or wss:// and a host',
      '  host_id = "Pi 4" (line 4) must be 1 to 63 of the characters a-z 0-9 _ . - that begin with a letter or a digit',
      '  intervals.fast_seconds = 0.5 (line 6) must be a number from 1 to 86400',
      '  collectors.cpu.per_coar = true (line 8) is not a known key; did you mean per_core?',
      expect.stringMatching(/^ {2}collectors\.nope = \{\} \(line 9\) is not a known key; allowed here: (?:[a-z_]+, )*cpu, /),
      '  token_file = "x" (line 3) cannot be set beside token; remove one of them',
    ]);
    expect(message).not.toContain('s3cr3t');
  });

  it('misses what a connection needs, but only for a connection', async () => {
    expect(await errorOf('')).toMatch(/server_url is missing; .*\n.*token is missing; /);
    await expect(loadConfig(write(''), {}, { connect: false, mustExist: true })).resolves.toMatchObject({ compress: false });
    expect(await errorOf('server_url = "mqtt://h:99999"\ntoken = "t"')).toContain('server_url = "mqtt://h:99999" (line 1) cannot be used');
    expect(await errorOf('server_url = "mqtt://u:s3cr3t@h:99999"\ntoken = "t"')).toContain('"mqtt://u:***@h:99999"');
  });

  it('takes a key of another table, or a value that is not valid, neither for a token nor for none', async () => {
    expect(await errorOf('server_url = "mqtt://h"\n[collectors.cpu]\ntoken = "t"')).toContain('\n  token is missing');
    const message = await errorOf('token = "t"', { HOSTWIRE_AGENT_SERVER_URL: 'h' });
    expect(message.split('\n')).toHaveLength(2);
    expect(message).toContain('server_url = "h" (from HOSTWIRE_AGENT_SERVER_URL) must be a URL');
  });

  it('tells of a token file that cannot be read beside all else', async () => {
    const message = await errorOf('server_url = "mqtt://h"\ntoken_file = "/nonexistent"\n[intervals]\nfast_seconds = nan\n');
    expect(message.split('\n')).toHaveLength(3);
    expect(message).toContain('token_file = "/nonexistent" (line 2) cannot be read: ENOENT');
    expect(message).toContain('intervals.fast_seconds = nan (line 4) must be');
    const empty = write(' \n');
    expect(await errorOf(`server_url = "mqtt://h"\ntoken_file = "${empty}"`)).toContain('is an empty file');
  });

  it('allows no action that does not stand in the file, and knows what there is', async () => {
    const start = 'server_url = "mqtt://h"\ntoken = "t"\n';
    const load = (text: string) => loadConfig(write(start + text), {}, { connect: true, mustExist: true });
    expect((await load('')).actions).toEqual({ allow: [] });
    const key = `server_key = "ed25519:${Buffer.alloc(32).toString('base64')}"\n`;
    expect(await load(`${key}[actions]\nallow = ["tmux.kill"]\n`)).toMatchObject({ actions: { allow: ['tmux.kill'] } });
    const message = await errorOf(`${start}server_key = "ed25519:x"\n[actions]\nallow = ["tmux.kil"]\n`);
    expect(message).toMatch(/server_key = "ed25519:x" \(line 3\) must be ed25519: and the base64/);
    expect(message).toMatch(/actions\.allow.*tmux\.kil/);
  });

  it('says that a named file does not exist', async () => {
    const file = join(tempDir(), 'none.toml');
    await expect(loadConfig(file, {}, { connect: false, mustExist: true })).rejects.toThrow(/cannot be read: ENOENT/);
    await expect(loadConfig(file, {}, { connect: false, mustExist: false })).resolves.toBeDefined();
  });
});

describe('connectionOf', () => {
  it('reads the token from its file', async () => {
    const file = write('from-file\n');
    const config = await loadConfig(write(`server_url = "mqtt://h"\ntoken_file = "${file}"`), {}, { connect: true, mustExist: true });
    expect(connectionOf(config)).toMatchObject({ url: 'mqtt://h', token: 'from-file' });
  });
});

describe('configPath', () => {
  it('prefers the option, then the environment', () => {
    expect(configPath('a', { HOSTWIRE_AGENT_CONFIG: 'b' })).toBe('a');
    expect(configPath(undefined, { HOSTWIRE_AGENT_CONFIG: 'b' })).toBe('b');
    expect(configPath(undefined, {})).toBe('/etc/hostwire/agent.toml');
  });
});

describe('agent.example.toml', () => {
  const text = readFileSync(example, 'utf8');

  it('is valid as it is', async () => {
    await expect(loadConfig(write(text), {}, { connect: true, mustExist: true })).resolves.toBeDefined();
  });

  it('names every key, with its default', async () => {
    for (const [name, schema] of Object.entries(AgentConfigSchema.properties)) {
      const table = 'items' in schema && typeof schema.items === 'object' ? schema.items : schema;
      const keys = name === 'collectors' ? [] : 'properties' in table ? Object.keys(table.properties as object) : [name];
      for (const key of keys) expect(text).toMatch(new RegExp(`^(# )?${key} = `, 'm'));
    }
    const config = await loadConfig(write(text), {}, { connect: true, mustExist: true });
    const bare = await loadConfig(write('server_url = "mqtt://h"\ntoken = "t"'), {}, { connect: true, mustExist: true });
    expect({ ...config, server_url: '', token: '' }).toEqual({ ...bare, server_url: '', token: '', collectors: config.collectors });
  });
});
