import { describe, expect, it } from 'vitest';
import { createLogger } from './logger.ts';
import { redactUrl } from './redact-url.ts';
import { version } from './version.ts';

function capture(pretty: boolean): { text: () => string; log: ReturnType<typeof createLogger> } {
  let text = '';
  const destination = {
    write(line: string): void {
      text += line;
    },
  };
  return { text: () => text, log: createLogger({ name: 'test', pretty, destination }) };
}

describe('createLogger', () => {
  it('writes JSON lines with the name and without secrets', () => {
    const { text, log } = capture(false);
    log.info(
      { token: 's3cr3t', config: { password: 's3cr3t', mqtt: { secret: 's3cr3t' } }, headers: { authorization: 's3cr3t' } },
      'hello',
    );
    log.debug('not at this level');
    const lines = text().trim().split('\n');
    expect(lines).toHaveLength(1);
    expect(text()).not.toContain('s3cr3t');
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ name: 'test', msg: 'hello', token: '***' });
  });
});

describe('redactUrl', () => {
  it.each([
    ['mqtt://me:s3cr3t@host:1883/x', 'mqtt://me:***@host:1883/x'],
    ['see http://a:b@c and http://d:e@f', 'see http://a:***@c and http://d:***@f'],
    ['http://host:80/a@b', 'http://host:80/a@b'],
    ['http://u:p@ss@host', 'http://u:***@host'],
  ])('%s', (text, expected) => {
    expect(redactUrl(text)).toBe(expected);
  });

  it('takes time that grows with the text alone, however that looks', () => {
    for (const text of ['x'.repeat(1e6), 'a+'.repeat(5e5), 'a://b:'.repeat(2e5), `a://${':'.repeat(1e6)}`]) {
      const began = performance.now();
      redactUrl(text);
      expect(performance.now() - began).toBeLessThan(1000);
    }
  });
});

it('knows its version', () => {
  expect(version).toMatch(/^\d+\.\d+\.\d+/);
});
