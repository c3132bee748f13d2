import { close, constants, open, read } from 'node:fs';
import { AccessError } from './host-access.ts';

/** Most bytes of a file. */
export const MAX_FILE_BYTES = 4 * 1024 * 1024;
const CHUNK_BYTES = 64 * 1024;

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
    // O_NONBLOCK: opening a named pipe that nobody writes to would wait for ever.
    open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY, (failed, fd) => {
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
