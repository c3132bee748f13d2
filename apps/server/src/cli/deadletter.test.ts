import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { encodeSample } from '@hostwire/model';
import { tempDir, waitFor } from '@hostwire/testkit';
import { describe, expect, it, vi } from 'vitest';
import { testServer } from '../server.testkit.ts';
import { runCommandLine } from './command-line.ts';

async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ['', ''];
  const spies = [
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
      out += String(text);
      return true;
    }),
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
      err += String(text);
      return true;
    }),
  ];
  try {
    const code = await runCommandLine(['node', 'hostwire', 'deadletter', ...args]);
    return { code, out, err };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}

describe('hostwire deadletter', () => {
  it('lists, shows and hands in again what a running server set aside', async () => {
    const dataDir = tempDir();
    const server = await testServer({ dataDir });
    const host = await server.host('pve1');
    const at = ['--data-dir', dataDir];
    const topic = 'hostwire/v1/pve1/sample/fast';
    const sample = { v: 1, host: 'pve1', tier: 'fast', run: 'r1', seq: 1, time: Date.now(), interval: 5, catalog: '' } as const;
    await host.client.publish(topic, '{"broken\u001b[2J', { qos: 1 });
    await host.send({ m: [{ fields: { v: 1 } }] });
    // A string where the store has a number: the field is left out, the other is stored.
    await host.client.publish(topic, encodeSample({ ...sample, seq: 7, data: { m: [{ fields: { v: 'text', w: 2 } }] } }), { qos: 1 });

    const { letters } = await waitFor(async () => {
      const found = JSON.parse((await run('list', '--json', ...at)).out) as { id: string; reason: string; topic: string; replayed: null }[];
      return found.length === 2 ? { letters: found } : null;
    });
    expect(letters.map(({ reason }) => reason)).toEqual(['fields', 'json']);
    const [fields = '', json = ''] = letters.map(({ id }) => id);
    expect((await run('list', ...at)).out).toMatch(/^ID +TIME +TOPIC +REASON/);
    expect(JSON.parse((await run('list', '--json', '--reason', 'json', '--host', 'pve1', ...at)).out)).toHaveLength(1);
    expect(JSON.parse((await run('list', '--json', '--limit', '1', ...at)).out)).toMatchObject([{ id: fields }]);
    expect(JSON.parse((await run('list', '--json', '--host', 'another', ...at)).out)).toEqual([]);
    const shown = await run('show', fields, ...at);
    expect(shown.out).toContain('m.v: type-conflict');
    expect(shown.out).toContain('"seq": 7');
    expect((await run('show', json, ...at)).out).toContain(Buffer.from('{"broken\u001b[2J').toString('base64'));

    expect((await run('replay', fields, json, ...at)).out).toContain('1 stored, 1 refused, 0 waiting');
    const again = JSON.parse((await run('list', '--json', ...at)).out) as { id: string; replayed: string | null }[];
    expect(again.find(({ id }) => id === fields)?.replayed).toMatch(/^stored /);
    expect(again.find(({ id }) => id === json)?.replayed).toMatch(/^refused .*: the payload is not JSON$/);
    // What is stored is not asked for again by --all.
    expect((await run('replay', '--all', ...at)).out).toContain('0 stored, 1 refused, 0 waiting');
  });

  it('says what is wrong with the command', async () => {
    const dataDir = tempDir();
    mkdirSync(join(dataDir, 'x'));
    const at = ['--data-dir', dataDir];
    for (const [args, message] of [
      [['lost'], 'deadletter lost is not a command'],
      [['show'], 'a name is missing'],
      [['show', '2026-01-01:0'], 'there is no dead letter 2026-01-01:0'],
      [['replay'], 'needs the ids'],
      [['replay', '../x'], 'there is no dead letter ../x'],
      [['list', '--limit', 'many'], '--limit many'],
    ] as const) {
      expect(await run(...args, ...at)).toMatchObject({ code: 2, err: expect.stringContaining(message) });
    }
    expect((await run('list', ...at)).code).toBe(0);
  });
});
