import { close, closeSync, constants, open, openSync, read, readSync } from 'node:fs';
import { AccessError } from './host-access.ts';

/** Most bytes of a file. */
export const MAX_FILE_BYTES = 4 * 1024 * 1024;
const CHUNK_BYTES = 64 * 1024;

/** Opening a named pipe that nobody writes to would wait for ever, and a terminal must not become ours. */
const FLAGS = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;

/** Buffers to read into, kept between reads: a tick reads a thousand small files. */
const spare: Buffer[] = [];

/**
 * The whole of a file in one open, read to its end and not to its size: files of /proc say size 0. Bytes that are not
 * UTF-8 become U+FFFD. Throws errno errors as Node does, and AccessError `too-large`.
 *
 * By callbacks, because file handles of promises cost three times as much and the agent reads /proc all day.
 */
export function readWhole(path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    open(path, FLAGS, (failed, fd) => {
      if (failed) {
        reject(failed);
        return;
      }
      let buffer = spare.pop() ?? Buffer.allocUnsafeSlow(CHUNK_BYTES);
      let length = 0;
      const finish = (error: Error | null) => {
        const text = error === null ? buffer.toString('utf8', 0, length) : '';
        if (buffer.length === CHUNK_BYTES && spare.length < 8) spare.push(buffer);
        close(fd, () => (error === null ? resolve(text) : reject(error)));
      };
      const next = () => {
        if (length === buffer.length) {
          const larger = Buffer.allocUnsafeSlow(Math.min(buffer.length * 4, MAX_FILE_BYTES + 1));
          buffer.copy(larger, 0, 0, length);
          buffer = larger;
        }
        read(fd, buffer, length, buffer.length - length, null, (error, count) => {
          length += count ?? 0;
          if (error) finish(error);
          else if (length > MAX_FILE_BYTES) finish(new AccessError('too-large', `${path}: more than ${MAX_FILE_BYTES} bytes`));
          else if (count === 0) finish(null);
          else next();
        });
      };
      next();
    });
  });
}

const INSTANT = /^\/proc\/(?:[0-9]+|self)\/(?:stat|statm|status)$/;

/**
 * True for files that the kernel answers from what it has at hand, so that no reader ever waits: those of a process that
 * take none of its locks. Not /proc/stat and the like, which in an LXC container are files of a FUSE file system (lxcfs),
 * nor `cmdline`, which waits for the process's memory.
 */
export function isInstant(path: string): boolean {
  return INSTANT.test(path);
}

const instantBuffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);

/**
 * The whole of a file that `isInstant`, read on this thread: a seventh of the cost of `readWhole`, whose every call goes
 * through libuv's threads. Throws errno errors as Node does, and AccessError `too-large` beyond 64 KiB.
 */
export function readInstant(path: string): string {
  const fd = openSync(path, FLAGS);
  try {
    let length = 0;
    for (;;) {
      const count = readSync(fd, instantBuffer, length, CHUNK_BYTES - length, null);
      if (count === 0) return instantBuffer.toString('utf8', 0, length);
      length += count;
      if (length === CHUNK_BYTES) throw new AccessError('too-large', `${path}: more than ${CHUNK_BYTES} bytes`);
    }
  } finally {
    closeSync(fd);
  }
}
