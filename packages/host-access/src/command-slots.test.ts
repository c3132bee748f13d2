import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { CommandSlots } from './command-slots.ts';

const { signal } = new AbortController();
const settled = async (work: Promise<unknown>) =>
  Promise.race([work.then(() => true), new Promise<false>((done) => setImmediate(() => setImmediate(done, false)))]);

describe('CommandSlots', () => {
  it('gives turns in the order of asking, at most so many in all and of one name', async () => {
    const slots = new CommandSlots(3, 2);
    const [a1, a2] = [await slots.take('a', signal), await slots.take('a', signal)];
    const a3 = slots.take('a', signal);
    const b1 = await slots.take('b', signal);
    const b2 = slots.take('b', signal);
    expect(await settled(a3)).toBe(false);
    // The first of a name has its turn whatever others do.
    const c1 = await slots.take('c', signal);
    a1.ended();
    a1.ended();
    expect([await settled(a3), await settled(b2)]).toEqual([false, false]);
    c1.ended();
    expect([await settled(a3), await settled(b2)]).toEqual([true, false]);
    a2.ended();
    expect(await settled(b2)).toBe(true);
    for (const turn of [await a3, b1, await b2]) turn.ended();
    expect(await settled(slots.take('b', signal))).toBe(true);
  });

  it('lets who gives up leave the queue', async () => {
    const slots = new CommandSlots(1, 1);
    const first = await slots.take('a', signal);
    const gaveUp = new AbortController();
    const second = slots.take('a', gaveUp.signal);
    const third = slots.take('a', signal);
    gaveUp.abort(new Error('no more'));
    await expect(second).rejects.toThrow('no more');
    first.ended();
    expect(await settled(third)).toBe(true);
  });

  it('gives back the place of what cannot be killed, and runs no third of it until one is gone', async () => {
    const slots = new CommandSlots(8, 4);
    const [one, two, other] = [await slots.take('a', signal), await slots.take('a', signal), await slots.take('b', signal)];
    for (const turn of [one, two, other]) turn.givenUp();
    other.ended();
    await sleep(1100);
    await expect(slots.take('a', signal)).rejects.toMatchObject({ code: 'timeout', message: expect.stringContaining('cannot be killed') });
    expect(await settled(slots.take('b', signal))).toBe(true);
    one.ended();
    expect(await settled(slots.take('a', signal))).toBe(true);
  });
});
