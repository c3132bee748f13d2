import { join } from 'node:path';
import { Counters } from '@hostwire/model';
import { openRegistry } from '@hostwire/registry';
import { tempDir, waitFor } from '@hostwire/testkit';
import { expect, it, onTestFinished } from 'vitest';
import { silent } from '../server.testkit.ts';
import { type Leadership, type LeadershipOptions, takePart } from './leadership.ts';

type Leases = LeadershipOptions['leases'];

async function registryLeases(): Promise<Leases> {
  const registry = await openRegistry({ file: join(tempDir(), 'registry.db') });
  onTestFinished(() => registry.close());
  return registry.leases;
}

/** One who takes part, with a log of its terms. */
async function candidate(leases: Leases, holder: string, change: Partial<LeadershipOptions> = {}) {
  const log: string[] = [];
  const counters = new Counters();
  const leadership: Leadership = await takePart({
    ...{ leases, lease: 'alerts', holder, survivesErrors: false, counters, logger: silent, ttlMs: 1500, renewMs: 200, standbyMs: 50 },
    async begin(isLeader) {
      log.push('begin');
      return {
        async end(lost) {
          log.push(`${lost ? 'lost' : 'end'} ${isLeader()}`);
        },
      };
    },
    ...change,
  });
  onTestFinished(() => leadership.close());
  return { leadership, log, counters };
}

it('is with one; another takes over as soon as that one gives it back, and not before', async () => {
  const leases = await registryLeases();
  const [first, second] = [await candidate(leases, 'first'), await candidate(leases, 'second')];
  await new Promise((done) => setTimeout(done, 2000));
  expect([first.log, second.log]).toEqual([['begin'], []]);
  await first.leadership.close();
  expect(first.log).toEqual(['begin', 'end true']);
  await waitFor(() => second.leadership.isLeader(), { timeout: 1000 });
  expect(second.log).toEqual(['begin']);
});

it('ends at once, without a last word, when the registry does not answer for the time of the lease', async () => {
  const real = await registryLeases();
  let answers = true;
  const leases: Leases = { ...real, acquire: (...args) => (answers ? real.acquire(...args) : new Promise(() => undefined)) };
  const first = await candidate(leases, 'first');
  answers = false;
  const second = await candidate(real, 'second');
  await waitFor(() => first.log.length === 2, { timeout: 2500 });
  expect(first.log).toEqual(['begin', 'lost false']);
  expect(first.leadership.isLeader()).toBe(false);
  expect(second.log).toEqual([]);
  await waitFor(() => second.leadership.isLeader(), { timeout: 2500 });
});

it('is kept through errors of a registry that nobody else can write either, until another is seen to have it', async () => {
  const real = await registryLeases();
  let answer: 'fails' | 'refuses' | null = null;
  const leases: Leases = {
    ...real,
    acquire: async (...args) => {
      if (answer === 'fails') throw new Error('database or disk is full');
      return answer === null && (await real.acquire(...args));
    },
  };
  const { leadership, log, counters } = await candidate(leases, 'first', { survivesErrors: true });
  answer = 'fails';
  await waitFor(() => counters.get('leadership_failed') > 9, { timeout: 5000 });
  expect([leadership.isLeader(), log]).toEqual([true, ['begin']]);
  answer = 'refuses';
  await waitFor(() => log.length === 2);
  expect(log).toEqual(['begin', 'lost false']);
});

it('is taken again at once by the same process after it was killed', async () => {
  const leases = await registryLeases();
  await leases.acquire('alerts', 'first', 60_000);
  expect((await candidate(leases, 'first')).leadership.isLeader()).toBe(true);
});

it('does not go on leading where it stood still for longer than its lease, whatever the registry says then', async () => {
  const real = await registryLeases();
  let asked = 0;
  const leases: Leases = {
    ...real,
    async acquire(...args) {
      if (++asked < 2) return real.acquire(...args);
      // Stopped, and nothing else runs meanwhile.
      for (const end = performance.now() + 1600; performance.now() < end; );
      throw new Error('busy');
    },
  };
  const first = await candidate(leases, 'first', { survivesErrors: true });
  await waitFor(() => first.log.length > 1, { timeout: 4000, what: 'the end of the term' });
  expect(first.log).toEqual(['begin', 'lost false']);
});
