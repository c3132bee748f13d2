import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { type LiveEvent, LiveSocket, type SocketLike } from './socket.ts';

class FakeSocket implements SocketLike {
  readonly readyState = 1;
  onopen: (() => void) | null = null;
  onmessage: ((message: { data: unknown }) => void) | null = null;
  onclose: (() => void) | null = null;
  readonly sent: string[] = [];
  closed = false;
  send(text: unknown): void {
    this.sent.push(String(text));
  }
  close(): void {
    this.closed = true;
  }
  say(event: unknown): void {
    this.onmessage?.({ data: typeof event === 'string' ? event : JSON.stringify(event) });
  }
}

const hello = { event: 'hello', data: { server_time: 0, version: '1' } };
let sockets: FakeSocket[];
let lines: boolean[];
let events: LiveEvent[];
let there: boolean;
const live = () =>
  new LiveSocket({
    open: () => {
      const socket = new FakeSocket();
      sockets.push(socket);
      return socket;
    },
    onEvent: (event) => events.push(event),
    onLine: (up) => lines.push(up),
    stillThere: async () => there,
    random: () => 1,
  });

beforeEach(() => {
  vi.useFakeTimers();
  sockets = [];
  lines = [];
  events = [];
  there = true;
});
afterEach(() => vi.useRealTimers());

it('is up with the first message, and repeats the watch list on every line', () => {
  const socket = live();
  socket.watch(['a']);
  socket.start();
  expect(lines).toEqual([]);
  sockets[0]?.say(hello);
  expect(lines).toEqual([true]);
  expect(sockets[0]?.sent).toEqual(['{"watch":["a"]}']);
  socket.watch(['b']);
  sockets[0]?.onclose?.();
  expect(lines).toEqual([true, false]);
  vi.advanceTimersByTime(1000);
  sockets[1]?.say(hello);
  expect(lines).toEqual([true, false, true]);
  expect(sockets[1]?.sent).toEqual(['{"watch":["b"]}']);
});

it('waits longer after each failure, up to 15 s, and at once when nudged', () => {
  const socket = live();
  socket.start();
  for (const wait of [1000, 2000, 4000, 8000, 15_000, 15_000]) {
    const n = sockets.length;
    sockets.at(-1)?.onclose?.();
    vi.advanceTimersByTime(wait - 1);
    expect(sockets.length).toBe(n);
    vi.advanceTimersByTime(1);
    expect(sockets.length).toBe(n + 1);
  }
  sockets.at(-1)?.onclose?.();
  const n = sockets.length;
  socket.nudge();
  expect(sockets.length).toBe(n + 1);
});

it('asks after a long silence, and drops the line only if the server is gone', async () => {
  const socket = live();
  socket.start();
  sockets[0]?.say(hello);
  await vi.advanceTimersByTimeAsync(46_000);
  expect(lines).toEqual([true]);
  there = false;
  await vi.advanceTimersByTimeAsync(46_000);
  expect(sockets[0]?.closed).toBe(true);
  expect(lines).toEqual([true, false]);
});

it('ignores what it cannot understand', () => {
  live().start();
  for (const text of ['', '{', '[]', 'null', '{"event":"hello"}']) sockets[0]?.say(text);
  expect(events).toEqual([]);
});

it('stays closed after stop', () => {
  const socket = live();
  socket.start();
  sockets[0]?.say(hello);
  socket.stop();
  vi.advanceTimersByTime(120_000);
  expect(sockets.length).toBe(1);
  expect(sockets[0]?.closed).toBe(true);
});
