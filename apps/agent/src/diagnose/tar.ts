const BLOCK = 512;

export interface ArchiveFile {
  /** At most 100 characters of ASCII, parts divided by `/`. */
  readonly name: string;
  readonly bytes: Buffer;
}

/** The files as a tar archive (POSIX.1-1988 ustar), each of mode 0600, as if root had made it. `time`: seconds since the epoch. */
export function tarOf(files: readonly ArchiveFile[], time: number): Buffer {
  const blocks = files.flatMap(({ name, bytes }) => {
    const padding = (BLOCK - (bytes.length % BLOCK)) % BLOCK;
    return [headerOf(name, bytes.length, time), bytes, Buffer.alloc(padding)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK)]);
}

function headerOf(name: string, size: number, time: number): Buffer {
  if (!/^[!-~]{1,100}$/.test(name)) throw new RangeError(`${name}: no name for a file in an archive`);
  const header = Buffer.alloc(BLOCK);
  const octal = (value: number, offset: number, length: number) =>
    header.write(`${value.toString(8).padStart(length - 1, '0')}\0`, offset, 'latin1');
  header.write(name, 0, 'latin1');
  octal(0o600, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(size, 124, 12);
  octal(time, 136, 12);
  // The sum is made with its own field as blanks.
  header.write('        ', 148, 'latin1');
  header.write('0', 156, 'latin1');
  header.write('ustar\x0000root', 257, 'latin1');
  header.write('root', 297, 'latin1');
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return header;
}
