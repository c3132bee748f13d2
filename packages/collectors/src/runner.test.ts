import { AccessError, LocalHost } from '@hostwire/host-access';
import { type Capability, encodeSample, type Row } from '@hostwire/model';
import { catalogCheck, sampleCheck } from '@hostwire/model/schema';
import { waitFor } from '@hostwire/testkit';
import Type from 'typebox';
import { describe, expect, it } from 'vitest';
import { type CollectContext, type Collector, defineCollector } from './collector.ts';
import { gauge } from './declare.ts';
import { ParseError } from './proc-text.ts';
import { COLLECTORS, catalog } from './registry.ts';
import { createRunner, type RunnerOptions } from './runner.ts';
import { agentRow } from './self-measurement.ts';
import { TreeHost } from './tree-host.testkit.ts';

type Collect = (context: CollectContext<{ level: number }>) => Promise<Record<string, Row[]>>;

function made(name: string, collect: Collect, more: Partial<Collector> = {}): Collector {
  const collector = defineCollector({
    name,
    tier: 'fast',
    help: '',
    measurements: { [name]: { help: '', tags: {}, fields: { value: gauge('float', '1', '') } } },
    options: Type.Object({ level: Type.Number({ default: 7 }) }),
    probe: async () => ({ available: true }),
    collect,
  });
  return { ...collector, ...more };
}
const value = (name: string, number: number) => ({ [name]: [{ fields: { value: number } }] });
const never = () => new Promise<Record<string, Row[]>>(() => {});
const runner = (collectors: Collector[], more: Partial<RunnerOptions> = {}) =>
  createRunner({ access: new TreeHost(), collectors, timeoutMs: 20_000, ...more });
const success = (rows: readonly Row[] | undefined) =>
  Object.fromEntries((rows ?? []).map(({ tags, fields }) => [tags?.['collector'], fields['success']]));

describe('collect', () => {
  it('stamps once, before anything is asked, and gives all collectors that one reading of the clocks', async () => {
    const seen: number[][] = [];
    const collect: Collect = async ({ time, monotonic }) => {
      seen.push([time, monotonic]);
      return {};
    };
    let clock = 100;
    const running = runner([made('a', collect), made('b', collect)], { now: () => clock * 10, monotonic: () => clock++ });
    expect((await running.collect('fast')).time).toBe(1000);
    await running.collect('fast');
    expect(seen).toEqual([
      [1000, 100],
      [1000, 100],
      [1010, 110],
      [1010, 110],
    ]);
    expect((await runner([]).collect('fast', 5)).time).toBe(5);
  });

  it('rounds rows, and adds what each collector cost', async () => {
    const { data, errors } = await runner([made('a', async () => value('a', 1 / 3))]).collect('fast');
    expect(errors).toEqual([]);
    expect(data).toEqual({
      a: [{ fields: { value: 0.333 } }],
      collector: [{ tags: { collector: 'a' }, fields: { duration_ms: expect.any(Number), rows: 1, dropped: 0, success: true } }],
    });
  });

  it('turns what a collector throws into an entry of errors, and keeps the others', async () => {
    const hostile = made('hostile', async () => {
      throw new ParseError(`line\n\u001b[31m${'x'.repeat(2000)}`);
    });
    const wrong = made('wrong', async () => {
      throw new TypeError('undefined is not a function');
    });
    const { data, errors } = await runner([hostile, wrong, made('good', async () => value('good', 1))]).collect('fast');
    expect(errors).toMatchObject([
      { collector: 'hostile', code: 'parse', message: expect.stringMatching(/^line \[31mx+$/) },
      { collector: 'wrong', code: 'failed', message: 'undefined is not a function' },
    ]);
    expect(errors[0]?.message).toHaveLength(500);
    expect(data['good']).toEqual([{ fields: { value: 1 } }]);
    expect(data).not.toHaveProperty('hostile');
    expect(success(data['collector'])).toEqual({ hostile: false, wrong: false, good: true });
  });

  it('keeps the rows of a collector that reports a part as failed', async () => {
    const partly = made('partly', async ({ report }) => {
      report(Object.assign(new Error('/nas hangs'), { code: 'timeout' }));
      return value('partly', 1);
    });
    const { data, errors } = await runner([partly]).collect('fast');
    expect(errors).toEqual([{ collector: 'partly', code: 'timeout', message: '/nas hangs' }]);
    expect(data['partly']).toHaveLength(1);
    expect(success(data['collector'])).toEqual({ partly: false });
  });

  it('bounds the errors of a collector that reports very many', async () => {
    const noisy = made('noisy', async ({ report }) => {
      for (let i = 0; i < 1000; i++) report(new Error(`part ${i}`));
      return value('noisy', 1);
    });
    const { data, errors } = await runner([noisy]).collect('fast');
    expect(errors.map(({ message }) => message)).toEqual([0, 1, 2, 3, 4, 5, 6, 7].map((i) => `part ${i}`));
    expect(data['noisy']).toHaveLength(1);
  });

  it('gives up on a collector that takes too long, tells it so, and has the rows of the others', async () => {
    let told = false;
    const hangs = made('hangs', ({ signal }) => {
      signal.addEventListener('abort', () => {
        told = true;
      });
      return never();
    });
    const { data, errors } = await runner([hangs, made('good', async () => value('good', 1))], { timeoutMs: 100 }).collect('fast');
    expect(errors).toEqual([{ collector: 'hangs', code: 'timeout', message: 'no answer in 0.1 s' }]);
    expect(told).toBe(true);
    expect(Object.keys(data).sort()).toEqual(['collector', 'good']);
  });

  it('does not start again what still runs, until it has ended; the late rows are not used', async () => {
    let finish: (rows: Record<string, Row[]>) => void = () => {};
    let starts = 0;
    const slow = made('slow', () => {
      starts++;
      return starts === 1 ? new Promise((resolve) => (finish = resolve)) : Promise.resolve(value('slow', 2));
    });
    const running = runner([slow], { timeoutMs: 50 });
    expect((await running.collect('fast')).errors).toMatchObject([{ code: 'timeout' }]);
    const second = await running.collect('fast');
    expect(second.errors).toMatchObject([{ collector: 'slow', code: 'busy' }]);
    expect(second.data).not.toHaveProperty('slow');
    expect(starts).toBe(1);
    finish(value('slow', 1));
    const third = await waitFor(async () => {
      const { data } = await running.collect('fast');
      return data['slow'];
    });
    expect(third).toEqual([{ fields: { value: 2 } }]);
  });

  it('runs only the tier that is asked for, and what the configuration leaves on', async () => {
    const ran: string[] = [];
    const noting = (name: string, more: Partial<Collector> = {}) =>
      made(
        name,
        async ({ options }) => {
          ran.push(`${name} ${options.level}`);
          return {};
        },
        more,
      );
    const running = runner([noting('a'), noting('b', { tier: 'slow' }), noting('c'), noting('d')], {
      options: { a: { tier: 'slow', level: 9 }, c: { enabled: false } },
    });
    expect(running.collectors.map(({ name, tier }) => `${name} ${tier}`)).toEqual(['a slow', 'b slow', 'd fast']);
    await running.collect('fast');
    await running.collect('slow');
    await running.collect('medium');
    expect(ran).toEqual(['d 7', 'a 9', 'b 7']);
  });

  it('passes over what is not available without an error, and says schema for what is not as declared', async () => {
    const missing = made('missing', async () => value('missing', 1), { probe: async () => ({ available: false, reason: 'no tool' }) });
    const odd = made('odd', async () => ({ odd: [{ fields: { value: 1, other: 2 } }] }));
    const { data, errors } = await runner([missing, odd]).collect('fast');
    expect(errors).toEqual([{ collector: 'odd', code: 'schema', message: '1 values were left out: odd: field other is not declared' }]);
    expect(data['odd']).toEqual([{ fields: { value: 1 } }]);
    expect(success(data['collector'])).toEqual({ odd: false });
  });

  it('asks anew whether a collector is available after it failed', async () => {
    let there = true;
    const tool = made(
      'tool',
      async () => {
        if (!there) throw Object.assign(new Error('gone'), { code: 'ENOENT' });
        return value('tool', 1);
      },
      { probe: async () => (there ? { available: true } : { available: false }) },
    );
    const running = runner([tool]);
    expect((await running.collect('fast')).errors).toEqual([]);
    there = false;
    expect((await running.collect('fast')).errors).toMatchObject([{ code: 'ENOENT' }]);
    expect(await running.collect('fast')).toMatchObject({ data: {}, errors: [] });
    there = true;
    await running.probeAll();
    expect((await running.collect('fast')).data['tool']).toHaveLength(1);
  });

  it('tells what each look found, and runs no command that is not declared', async () => {
    const told: string[] = [];
    let there = true;
    const tool = made(
      'tool',
      async ({ access }) => {
        await access.exec('undeclared', []);
        return {};
      },
      { probe: async () => ({ available: there }) },
    );
    const running = runner([tool], { onCapability: (name, { available }) => told.push(`${name} ${available}`) });
    expect((await running.collect('fast')).errors).toMatchObject([{ collector: 'tool', code: 'EPERM' }]);
    there = false;
    expect((await running.collect('fast')).errors).toEqual([]);
    await running.collect('fast');
    expect(told).toEqual(['tool true', 'tool false']);
  });

  it('takes what a recording does not know for what is not there', async () => {
    const later = made('later', async () => {
      throw new AccessError('not-recorded', '$ later: the dump has no answer to this');
    });
    const told: Capability[] = [];
    const running = runner([later], { onCapability: (_name, capability) => told.push(capability) });
    expect(await running.collect('fast')).toMatchObject({ data: {}, errors: [] });
    expect(told.at(-1)).toEqual({ available: false, reason: '$ later: the dump has no answer to this' });
  });

  it('gives each collector a memory of its own between its calls', async () => {
    const counting: Collect = async ({ memory }) => {
      memory.set('n', ((memory.get('n') as number | undefined) ?? 0) + 1);
      return value('a', memory.get('n') as number);
    };
    const running = runner([made('a', counting)]);
    await running.collect('fast');
    expect((await running.collect('fast')).data['a']).toEqual([{ fields: { value: 2 } }]);
    expect((await runner([made('a', counting)]).collect('fast')).data['a']).toEqual([{ fields: { value: 1 } }]);
  });

  it('stops what runs when it is closed', async () => {
    const hangs = made('hangs', ({ signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))));
    const running = runner([hangs]);
    const tick = running.collect('fast');
    await new Promise((resolve) => setImmediate(resolve));
    running.close();
    expect((await tick).errors).toMatchObject([{ collector: 'hangs' }]);
  });
});

it('probeAll says of every collector whether it can run, and never rejects', async () => {
  const collectors = [
    made('good', never),
    made('missing', never, { probe: async () => ({ available: false, reason: 'no\u001b tool', hint: 'install it' }) }),
    made('off', never),
    made('odd', never, { probe: () => Promise.reject(new Error('what\nnow')) }),
    made('hangs', never, { probe: () => new Promise(() => {}) }),
  ];
  const capabilities = await runner(collectors, { options: { off: { enabled: false } }, timeoutMs: 50 }).probeAll();
  expect(capabilities).toEqual({
    good: { available: true },
    missing: { available: false, reason: 'no  tool', hint: 'install it' },
    off: { available: false, reason: 'switched off in the configuration', hint: '[collectors.off] enabled = true' },
    odd: { available: false, reason: 'what now' },
    hangs: { available: false, reason: 'no answer in 0.05 s' },
  });
});

it('refuses options that are not valid before anything runs', () => {
  expect(() => runner([made('a', never)], { options: { a: { level: 'high' } } })).toThrow('collectors.a.level');
});

describe('the registry', () => {
  it('has each name once, and measurements that agree with each other', () => {
    expect(new Set(COLLECTORS.map(({ name }) => name)).size).toBe(COLLECTORS.length);
    const { measurements } = catalog();
    expect(catalogCheck.Check(catalog())).toBe(true);
    expect(Object.keys(measurements)).toEqual(expect.arrayContaining(['cpu', 'process_top', 'collector', 'agent']));
  });

  it('declares what the runner and the agent add', () => {
    const { measurements } = catalog();
    const row = agentRow('abc', 3, 'slow');
    expect(row).toEqual({ tags: { tier: 'slow' }, fields: { run: 'abc', seq: 3 } });
    expect(Object.keys(measurements['agent']?.fields ?? {})).toEqual(Object.keys(row.fields));
    const second = agentRow('abc', 4, 'slow', 2);
    expect(second.tags).toEqual({ tier: 'slow', part: '2' });
    expect(Object.keys(measurements['agent']?.tags ?? {})).toEqual(Object.keys(second.tags ?? {}));
  });
});

it.skipIf(process.platform !== 'linux')('a sample of this machine is valid on the wire, of declared rows alone', async () => {
  const running = createRunner({ access: new LocalHost() });
  await running.collect('fast');
  for (const tier of ['fast', 'medium'] as const) {
    const { time, data, errors } = await running.collect(tier);
    expect(errors).toEqual([]);
    const sample = { v: 1 as const, host: 'h', tier, run: 'r', seq: 1, time, interval: 30, catalog: catalog().hash, data, errors };
    expect(sampleCheck.Check(JSON.parse(encodeSample(sample)))).toBe(true);
    expect((data['collector'] ?? []).every(({ fields }) => fields['dropped'] === 0)).toBe(true);
  }
});

describe('configure', () => {
  /** Counts its calls in its own memory. */
  const counting = (name: string) => {
    const counter: Collect = async ({ memory, options: { level } }) => {
      const count = ((memory.get('count') as number | undefined) ?? 0) + 1;
      memory.set('count', count);
      return value(name, count * 100 + level);
    };
    return made(name, counter);
  };
  const read = async (running: ReturnType<typeof runner>) => {
    const { data } = await running.collect('fast');
    return ['a', 'b'].map((name) => data[name]?.[0]?.fields['value']);
  };

  it('keeps the memory of what stays as it is, and begins anew what changes', async () => {
    const collectors = [counting('a'), counting('b')];
    const running = runner(collectors);
    await running.collect('fast');
    expect(running.configure({ collectors, options: { b: { level: 8 } }, maxTimeoutMs: 500 })).toEqual(['b']);
    expect(await read(running)).toEqual([207, 108]);
    expect(running.configure({ collectors, options: { a: { enabled: false }, b: { level: 8, timeout_seconds: 3 } } })).toEqual(['a', 'b']);
    expect(await read(running)).toEqual([undefined, 108]);
    expect(running.collectors.map(({ name }) => name)).toEqual(['b']);
    expect(running.configure({ collectors, options: { b: { level: 8, timeout_seconds: 3 } } })).toEqual(['a']);
    expect(await read(running)).toEqual([107, 208]);
    expect(running.configure({ collectors, options: { b: { level: 8, timeout_seconds: 3 } } })).toEqual([]);
    expect(() => running.configure({ collectors, options: { a: { level: 'x' } } })).toThrow('collectors.a.level');
    expect(await read(running)).toEqual([207, 308]);
  });

  it('lets what runs end as it began, and asks those of a name alone', async () => {
    let release: () => void = () => undefined;
    const slow = made('a', () => {
      return new Promise((done) => {
        release = () => done(value('a', 1));
      });
    });
    const running = runner([slow]);
    const collected = running.collect('fast');
    await new Promise((done) => setTimeout(done, 20));
    expect(running.configure({ collectors: [slow], options: { a: { level: 3 } } })).toEqual(['a']);
    release();
    expect((await collected).data['a']).toEqual([{ fields: { value: 1 } }]);
    expect(Object.keys(await runner([slow, made('b', async () => ({}))]).probeAll(['b']))).toEqual(['b']);
  });
});
