import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createIdentityWatch, infoRun } from './identity-watch.ts';

const T = 1_790_000_000_000;
const SECOND = 1000;
const INTERVAL = 30;

function watch() {
  const clock = { now: T };
  const made = createIdentityWatch({ now: () => clock.now });
  return {
    clock,
    watch: made,
    connect: (run: string, at: number) => made.sawConnect('pve1', run, T + at * SECOND),
    sample: (run: string, at: number) => made.sawSample({ host: 'pve1', run, interval: INTERVAL }, T + at * SECOND),
  };
}

describe('two agents with one identity', () => {
  it('are told by the return of the one that was there first; the newer one is named, again and again while both live', () => {
    const { watch: made, clock, connect, sample } = watch();
    expect(connect('a', 0)).toBeNull();
    expect(sample('a', 1)).toBeNull();
    expect(connect('b', 10)).toBeNull();
    expect(sample('b', 11)).toBeNull();
    expect(connect('a', 13)).toEqual({ run: 'a', newer: 'b' });
    expect(connect('b', 20)).toEqual({ run: 'a', newer: 'b' });
    expect(sample('a', 31)).toEqual({ run: 'a', newer: 'b' });
    clock.now = T + 32 * SECOND;
    expect(made.conflictOf('pve1')).toEqual({ since: T + 13 * SECOND, runs: ['a', 'b'] });
    // The newer one idles; the older one goes on, and nobody needs to be told.
    expect(sample('a', 61)).toEqual({ run: 'a', newer: 'b' });
    expect(sample('a', 301)).toBeNull();
    expect(connect('b', 320)).toEqual({ run: 'a', newer: 'b' });
  });

  it('on two connections are told by the samples of the older one', () => {
    const { connect, sample } = watch();
    connect('a', 0);
    sample('a', 1);
    connect('b', 5);
    expect(sample('a', 31)).toBeNull();
    // More than an interval after the newer one was seen first, and half an interval apart.
    expect(sample('a', 36)).toBeNull();
    expect(sample('a', 37)).toBeNull();
    expect(sample('a', 61)).toEqual({ run: 'a', newer: 'b' });
    expect(sample('b', 62)).toEqual({ run: 'a', newer: 'b' });
  });

  it('end when the older one is gone: the newer one is not refused for ever', () => {
    const { watch: made, clock, connect } = watch();
    connect('a', 0);
    connect('b', 10);
    expect(connect('a', 13)).not.toBeNull();
    expect(connect('b', 13 + 91)).toBeNull();
    clock.now = T + 105 * SECOND;
    expect(made.conflictOf('pve1')).toBeNull();
  });

  it('may be three', () => {
    const { connect } = watch();
    connect('a', 0);
    connect('b', 1);
    connect('c', 2);
    expect(connect('b', 3)).toEqual({ run: 'b', newer: 'c' });
    expect(connect('a', 4)).toEqual({ run: 'a', newer: 'c' });
    expect(connect('b', 5)).toEqual({ run: 'a', newer: 'b' });
  });
});

describe('a restart', () => {
  it('is never refused, however often it happens and whatever was still on its way', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 0, max: INTERVAL })), { maxLength: 30 }),
        (lives) => {
          const { connect, sample } = watch();
          let at = 0;
          for (const [index, [ticks, late]] of lives.entries()) {
            const run = `r${index}`;
            expect(connect(run, at)).toBeNull();
            // What the run before had sent arrives up to an interval later.
            if (index > 0) expect(sample(`r${index - 1}`, at + late)).toBeNull();
            for (let tick = 0; tick < ticks; tick++) expect(sample(run, at + INTERVAL + tick * INTERVAL)).toBeNull();
            at += (ticks + 1) * INTERVAL + 1;
          }
        },
      ),
    );
  });

  it('of one host says nothing about another', () => {
    const { watch: made, connect } = watch();
    connect('a', 0);
    connect('b', 1);
    expect(made.sawConnect('pve2', 'a', T + 2000)).toBeNull();
    expect(made.conflictOf('pve2')).toBeNull();
    expect(made.conflictOf('nobody')).toBeNull();
  });
});

it('the run of an info is read, whatever the bytes are', () => {
  expect(infoRun(Buffer.from('{"run":"k3v9q0","os":"Debian"}'))).toBe('k3v9q0');
  for (const bad of ['', 'null', '[]', '{"run":7}', '{"run":"no spaces"}', '{']) expect(infoRun(Buffer.from(bad))).toBeNull();
  fc.assert(fc.property(fc.uint8Array({ maxLength: 50 }), (bytes) => infoRun(bytes) === null || typeof infoRun(bytes) === 'string'));
});
