import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { contentHash } from '@hostwire/model';
import { createLogger } from '@hostwire/service';
import { tempDir } from '@hostwire/testkit';
import { gzipPayload } from '@hostwire/transport';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../agent-config.ts';
import { RemoteConfigs } from './remote-config.ts';

const own = await loadConfig('/nonexistent', {}, { connect: false, mustExist: false });
const TOPIC = 'hostwire/v1/h1/config';

async function open(folder: string | null, topic = TOPIC) {
  let log = '';
  const destination = {
    write(line: string): void {
      log += line;
    },
  };
  const logger = createLogger({ name: 'test', pretty: false, destination });
  return { configs: await RemoteConfigs.open({ own, host: 'h1', topic, folder, logger }), log: () => log };
}

const message = (config: object, change: object = {}): Buffer => Buffer.from(JSON.stringify({ v: 1, host: 'h1', config, ...change }));

describe('RemoteConfigs', () => {
  it('takes what a server sends, says what it made of it, and goes back when it is taken back', async () => {
    const { configs } = await open(null);
    expect([configs.report, configs.settings.intervals.fast_seconds]).toEqual([undefined, 30]);
    const config = { intervals: { fast_seconds: 5 }, token: 'x' };
    expect(configs.receive(TOPIC, gzipPayload(message(config)))).toBe(true);
    expect(configs.settings.intervals).toEqual({ ...own.intervals, fast_seconds: 5 });
    expect(configs.report).toEqual({
      hash: contentHash(config),
      applied: ['intervals.fast_seconds'],
      refused: [{ key: 'token', reason: "token is set in the host's own file alone, never by a server" }],
      unreadable: 0,
    });
    expect(configs.receive(TOPIC, message({ token: 'x', intervals: { fast_seconds: 5 } }))).toBe(false);
    expect(configs.receive(TOPIC, message({}))).toBe(true);
    expect([configs.report, configs.settings.intervals]).toEqual([undefined, own.intervals]);
    configs.receive(TOPIC, message(config));
    expect(configs.receive(TOPIC, Buffer.alloc(0))).toBe(true);
    expect(configs.settings.intervals).toEqual(own.intervals);
    expect(configs.receive(TOPIC, Buffer.alloc(0))).toBe(false);
  });

  it('keeps what was set when something comes that is no configuration or not its own, counts it, and says so once', async () => {
    const { configs, log } = await open(null);
    configs.receive(TOPIC, message({ compress: true }));
    const deep = Buffer.from('['.repeat(100_000));
    const bad = [
      Buffer.from('{"v":1,"host":"h1","config":{"compress":f'),
      Buffer.from([0x1f, 0x8b, 1, 2, 3]),
      Buffer.from([0xff, 0xfe]),
      deep,
      gzipPayload(' '.repeat(1_000_000)),
      message({}, { host: 'h2' }),
      message({}, { v: 2 }),
      message({}, { config: [] }),
      Buffer.from('null'),
    ];
    for (const payload of bad) expect(configs.receive(TOPIC, payload)).toBe(true);
    expect(configs.receive('other/v1/h1/config', message({}))).toBe(true);
    expect(configs.settings.compress).toBe(true);
    expect(configs.report).toMatchObject({ hash: contentHash({ compress: true }), unreadable: bad.length + 1 });
    expect(log().match(/could not be read/g)).toHaveLength(1);
    configs.receive(TOPIC, message({ compress: false }));
    configs.receive(TOPIC, Buffer.from('x'));
    expect(log().match(/could not be read/g)).toHaveLength(2);
  });

  it('has the last one again after a restart, until that is taken back', async () => {
    const folder = tempDir();
    const { configs } = await open(folder);
    for (let seconds = 1; seconds <= 20; seconds++) configs.receive(TOPIC, message({ intervals: { fast_seconds: seconds } }));
    await configs.close();
    expect(statSync(join(folder, 'remote-config.json')).mode & 0o777).toBe(0o600);
    const { configs: again } = await open(folder);
    expect(again.settings.intervals.fast_seconds).toBe(20);
    expect(again.report).toMatchObject({ applied: ['intervals.fast_seconds'] });
    expect(again.receive(TOPIC, message({ intervals: { fast_seconds: 20 } }))).toBe(false);
    again.receive(TOPIC, message({}));
    await again.close();
    expect((await open(folder)).configs.report).toBeUndefined();
  });

  it('does without what was kept damaged, for another topic root, or cannot be read', async () => {
    const folder = tempDir();
    const { configs } = await open(folder);
    configs.receive(TOPIC, message({ compress: true }));
    await configs.close();
    const file = join(folder, 'remote-config.json');
    const other = await open(folder, 'fleet/v1/h1/config');
    expect([other.configs.settings.compress, other.configs.report?.unreadable]).toEqual([false, 1]);
    expect(other.log()).toContain('is for hostwire/v1/h1/config, not for fleet/v1/h1/config');
    const text = readFileSync(file, 'utf8');
    for (const damaged of ['', text.slice(0, -3), 'null', '{"topic":1}']) {
      writeFileSync(file, damaged);
      const { configs: after, log } = await open(folder);
      expect(after.settings.compress).toBe(false);
      expect(log()).toContain('is damaged');
    }
    // What was kept is checked as what comes is.
    writeFileSync(file, JSON.stringify({ topic: TOPIC, config: { intervals: { fast_seconds: 0 }, token: 'x', compress: true } }));
    const { configs: kept } = await open(folder);
    expect(kept.settings).toMatchObject({ compress: true, intervals: own.intervals });
    rmSync(file);
    mkdirSync(file);
    const { configs: unreadable, log } = await open(folder);
    expect(unreadable.settings.compress).toBe(false);
    expect(log()).toContain('cannot be read');
    expect(unreadable.receive(TOPIC, message({ compress: true }))).toBe(true);
    await unreadable.close();
    expect(unreadable.settings.compress).toBe(true);
    expect(log()).toContain('was not kept');
  });

  it('holds whatever bytes come', async () => {
    const { configs } = await open(null);
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 200 }),
          fc.jsonValue().map((value) => Buffer.from(JSON.stringify(value))),
        ),
        (bytes) => {
          expect(typeof configs.receive(TOPIC, bytes)).toBe('boolean');
          expect(configs.settings.intervals).toEqual(own.intervals);
        },
      ),
    );
  });
});
