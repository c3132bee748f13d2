import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { errorCode, type FileSystem, readAll, writeAll } from './file-system.ts';
import type { Position } from './journal.ts';

const NAME = 'cursor';
const MAX_BYTES = 100;
const LINE = /^(\d{1,16}) (\d{1,16}) ([0-9a-f]{8})\n$/;

/** The cursor that was kept in the folder; null if there is none, 'damaged' if it cannot be made out. Never rejects. */
export async function readCursor(fileSystem: FileSystem, folder: string): Promise<Position | 'damaged' | null> {
  const bytes = Buffer.alloc(MAX_BYTES);
  let length: number;
  try {
    const file = await fileSystem.open(join(folder, NAME), 'read');
    try {
      length = await readAll(file, bytes, 0);
    } finally {
      await file.close();
    }
  } catch (error) {
    return errorCode(error) === 'ENOENT' ? null : 'damaged';
  }
  const [, segment, offset, crc] = LINE.exec(bytes.toString('latin1', 0, length)) ?? [];
  if (segment === undefined || checksum(`${segment} ${offset}`) !== crc) return 'damaged';
  return { segment: Number(segment), offset: Number(offset) };
}

/** Replaces the cursor by one rename. Rejects with the system's error; the one before it is then kept. */
export async function writeCursor(fileSystem: FileSystem, folder: string, { segment, offset }: Position): Promise<void> {
  const draft = join(folder, `${NAME}.tmp`);
  const text = `${segment} ${offset}`;
  await fileSystem.remove(draft);
  const file = await fileSystem.open(draft, 'create');
  try {
    await writeAll(file, Buffer.from(`${text} ${checksum(text)}\n`), 0);
  } finally {
    await file.close();
  }
  await fileSystem.rename(draft, join(folder, NAME));
}

const checksum = (text: string): string => crc32(text).toString(16).padStart(8, '0');
