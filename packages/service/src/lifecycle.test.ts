import { EventEmitter } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createLifecycle, type Lifecycle } from './lifecycle.ts';
import { createLogger } from './logger.ts';

function setUp(): { lifecycle: Lifecycle; hooks: EventEmitter; exits: number[]; log: () => string } {
  const exits: number[] = [];
  let text = '';
  const logger = createLogger({
    name: 'test',
    pretty: false,
    destination: {
      write(line: string): void {
        text += line;
      },
    },
  });
  const hooks = new EventEmitter();
  return {
    lifecycle: createLifecycle(logger, Object.assign(hooks, { exit: (code: number) => exits.push(code) })),
    hooks,
    exits,
    log: () => text,
  };
}

describe('createLifecycle', () => {
  it('stops in reverse order, once, going on past what fails or hangs, and exits', async () => {
    const { lifecycle, exits, log } = setUp();
    const stopped: string[] = [];
    lifecycle.add('first', () => stopped.push('first'));
    lifecycle.add('hangs', () => new Promise(() => stopped.push('hangs')), { timeout: 20 });
    lifecycle.add('fails', () => {
      stopped.push('fails');
      throw new Error('no');
    });
    lifecycle.add('last', async () => {
      await sleep(5);
      stopped.push('last');
    });
    await Promise.all([lifecycle.stop('test'), lifecycle.stop('again', 3)]);
    expect(stopped).toEqual(['last', 'fails', 'hangs', 'first']);
    expect(exits).toEqual([0]);
    expect(log()).toContain('hangs did not stop in 20 ms');
    expect(log()).toContain('fails failed to stop');
  });

  it('stops a part that starts while stopping', async () => {
    const { lifecycle } = setUp();
    const stopped: string[] = [];
    lifecycle.add('slow', () => sleep(20));
    const done = lifecycle.stop('test');
    lifecycle.add('late', () => stopped.push('late'));
    await done;
    expect(stopped).toEqual(['late']);
    expect(lifecycle.signal.aborted).toBe(true);
  });

  it('stops at a signal; one that follows at once is the same, a later one forces the exit', async () => {
    const { lifecycle, hooks, exits } = setUp();
    lifecycle.add('hangs', () => new Promise(() => undefined), { timeout: 60_000 });
    hooks.emit('SIGINT');
    hooks.emit('SIGINT');
    await sleep(600);
    expect(exits).toEqual([]);
    hooks.emit('SIGTERM');
    expect(exits).toEqual([143]);
  });

  it('logs an error that nobody caught and exits 1', async () => {
    const { lifecycle, hooks, exits, log } = setUp();
    const stopped: string[] = [];
    lifecycle.add('part', () => stopped.push('part'));
    hooks.emit('unhandledRejection', new Error('forgotten'));
    await lifecycle.stop('test');
    expect(exits).toEqual([1]);
    expect(stopped).toEqual(['part']);
    expect(log()).toContain('forgotten');
  });
});
