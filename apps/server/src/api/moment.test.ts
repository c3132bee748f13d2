import type { Sample } from '@hostwire/model';
import { describe, expect, it } from 'vitest';
import { type TestHost, testServer } from '../server.testkit.ts';
import { nearest } from './moment.ts';
import type { MomentBody } from './moment-schemas.ts';

const process = (by: 'cpu' | 'memory', rank: number, process_name: string, pid: number, cpu_usage: number) => ({
  tags: { by, rank: String(rank) },
  fields: { process_name, pid, user: 'mira', cpu_usage, memory_rss: pid * 1000 },
});
const tick = (name: string): Sample['data'] => ({
  processes: [{ fields: { total: 412 } }],
  process_top: [process('cpu', 1, name, 7, 214), process('cpu', 2, 'sshd', 9, 0.4), process('memory', 1, 'sshd', 9, 0.4)],
});

describe('the sample nearest to a moment', () => {
  it('is within one interval, and the earlier of two as near', () => {
    expect(nearest(100, 95, 105, 5)).toBe(95);
    expect(nearest(100, 94, 103, 5)).toBe(103);
    expect(nearest(100, 94, 106, 5)).toBeNull();
    expect(nearest(100, null, null, 5)).toBeNull();
    expect(nearest(100, 100, null, 0)).toBe(100);
  });
});

describe('GET /api/hosts/:host/processes', () => {
  /** Samples of a host, `seconds` before `now`. */
  async function send(host: TestHost, now: number, seconds: readonly number[]): Promise<void> {
    for (const ago of seconds) await host.send(tick(`p${ago}`), { time: now - ago * 1000, backfill: ago > 0 });
  }

  it('tells what ran in the past, with the samples before and after, and what each held of GPUs', async () => {
    const server = await testServer();
    const headers = await server.bearer('api:read');
    const host = await server.host('box');
    const now = Date.now();
    await send(host, now, [90_000, 1210, 600, 595, 590, 0]);
    const gpu = (vendor: string, rank: string, pid: number, memory_used: number) => ({
      tags: { vendor, gpu: '0', rank },
      fields: { pid, memory_used },
    });
    const gpus = { gpu_process: [gpu('nvidia', '1', 7, 5e9), gpu('nvidia', '2', 9, 1e9), gpu('amd', '1', 7, 2e9)] };
    await host.send({ gpu_process: [gpu('nvidia', '3', 9, 8e9)] }, { time: now - 620_000, backfill: true });
    await host.send(gpus, { time: now - 600_000, backfill: true });
    const ask = async (ago: number): Promise<MomentBody> => {
      const answer = await server.get(`/api/hosts/box/processes?at=${now - ago * 1000}`, headers);
      expect(answer.status).toBe(200);
      return (await answer.json()) as MomentBody;
    };

    expect(await ask(594)).toMatchObject({ time: now - 595_000, before: now - 600_000, after: now - 590_000, total: 412 });
    const { processes } = await ask(597);
    expect(processes).toEqual([
      { by: 'cpu', rank: 1, name: 'p595', user: 'mira', pid: 7, cpu: 214, memory: 7000, gpu_memory: 7e9 },
      { by: 'cpu', rank: 2, name: 'sshd', user: 'mira', pid: 9, cpu: 0.4, memory: 9000, gpu_memory: 1e9 },
      { by: 'memory', rank: 1, name: 'sshd', user: 'mira', pid: 9, cpu: 0.4, memory: 9000, gpu_memory: 1e9 },
    ]);
    // In a silence there is nothing, but for the way out of it.
    expect(await ask(900)).toEqual({
      ...{ at: now - 900_000, time: null, before: now - 1_210_000, after: now - 600_000 },
      ...{ total: null, processes: [] },
    });
    expect(await ask(1210)).toMatchObject({ time: now - 1_210_000, before: now - 90_000_000, after: now - 600_000 });
    expect(await ask(0)).toMatchObject({ time: now, before: now - 590_000, after: null });
    expect(await ask(100_000)).toMatchObject({ time: null, before: null, after: now - 90_000_000 });
  });

  it('goes by the interval of then, where that was a longer one', async () => {
    const server = await testServer();
    const headers = await server.bearer('api:read');
    const host = await server.host('box');
    const now = Date.now();
    await send(host, now, [400, 340, 280, 220, 10, 5, 0]);
    const ask = async (ago: number) => (await server.get(`/api/hosts/box/processes?at=${now - ago * 1000}`, headers)).json();
    expect(await ask(315)).toMatchObject({ time: now - 340_000, before: now - 400_000, after: now - 280_000 });
    expect(await ask(100)).toMatchObject({ time: null, before: now - 220_000, after: now - 10_000 });
  });

  it('has nothing of a host that named no process yet, and says what it cannot read', async () => {
    const server = await testServer();
    const headers = await server.bearer('api:read');
    await server.host('box');
    const quiet = await server.get('/api/hosts/box/processes', headers);
    expect(await quiet.json()).toMatchObject({ time: null, before: null, after: null, processes: [] });
    expect((await server.get('/api/hosts/box/processes?at=yesterday', headers)).status).toBe(400);
    expect((await server.get('/api/hosts/nobody/processes', headers)).status).toBe(404);
  });
});
