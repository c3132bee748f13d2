import { describe, expect, it } from 'vitest';
import { readHttp } from './http-answer.ts';

const read = (raw: string) =>
  Promise.race([
    readHttp(Buffer.from(raw), { socketPath: '/run/x.sock', path: '/y' }, { maxBytes: 100, totalMs: 1 }).then(
      ({ status, body }) => `${status} ${body}`,
      ({ code }: { code: string }) => code,
    ),
    new Promise((resolve) => setTimeout(() => resolve('no end'), 2000)),
  ]);

describe('readHttp', () => {
  it.each([
    ['an answer', 'HTTP/1.1 200 OK\r\n\r\nabc', '200 abc'],
    ['nothing', '', 'ECONNRESET'],
    ['half an answer', 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc', 'ECONNRESET'],
    ['what is no HTTP', 'garbage', 'HPE_INVALID_CONSTANT'],
    ['another protocol', 'HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n', 'EIO'],
    ['too much', `HTTP/1.1 200 OK\r\n\r\n${'a'.repeat(101)}`, 'too-large'],
  ])('comes to an end with %s', async (_name, raw, expected) => {
    expect(await read(raw)).toBe(expected);
  });
});
