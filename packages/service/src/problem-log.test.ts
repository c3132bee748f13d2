import { describe, expect, it } from 'vitest';
import { createLogger } from './logger.ts';
import { ProblemLog } from './problem-log.ts';

describe('ProblemLog', () => {
  it('keeps the last warnings and errors of a log, the newest first, and the same ones in a row once', () => {
    const problems = new ProblemLog(() => 7);
    const lines: string[] = [];
    const logger = createLogger({ name: 'test', problems, destination: { write: (line) => void lines.push(line) } });
    logger.info('all is well');
    logger.warn({ token: 's3cret' }, 'the disk is slow');
    logger.child({ part: 'x' }).warn('the disk is slow');
    logger.error(new Error('it broke'));
    expect(problems.list()).toEqual([
      { time: 7, level: 'error', message: 'it broke', count: 1 },
      { time: 7, level: 'warn', message: 'the disk is slow', count: 2 },
    ]);
    expect(lines).toHaveLength(4);
    for (let i = 0; i < 100; i++) logger.warn(`problem ${i}`);
    expect(problems.list()).toHaveLength(20);
    expect(problems.list()[0]?.message).toBe('problem 99');
  });
});
