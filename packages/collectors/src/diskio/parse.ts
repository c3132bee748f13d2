import { linesOf, ParseError, parseCounter, quote, scaleCounter, wordsOf } from '../proc-text.ts';

/** One line of /proc/diskstats. Times are milliseconds. */
export interface DiskCounters extends Record<string, number | bigint> {
  reads: number | bigint;
  merged_reads: number | bigint;
  read_bytes: number | bigint;
  read_time: number | bigint;
  writes: number | bigint;
  merged_writes: number | bigint;
  write_bytes: number | bigint;
  write_time: number | bigint;
  iops_in_progress: number | bigint;
  io_time: number | bigint;
  weighted_io_time: number | bigint;
}

/** A sector of /proc/diskstats is 512 bytes whatever the device's own is (Documentation/block/stat.rst). */
const SECTOR_BYTES = 512;

/**
 * /proc/diskstats (Documentation/admin-guide/iostats.rst): device name -> counters. Columns that newer kernels add
 * (discards, flushes) are passed over. Throws ParseError.
 */
export function parseDiskstats(text: string): Map<string, DiskCounters> {
  const devices = new Map<string, DiskCounters>();
  for (const line of linesOf(text)) {
    const [, , name, ...columns] = wordsOf(line);
    if (name === undefined || columns.length < 11) throw new ParseError(`/proc/diskstats: ${quote(line)} has too few columns`);
    const column = (index: number) => parseCounter(columns[index], `/proc/diskstats: ${quote(name)} column ${index + 4}`);
    devices.set(name, {
      reads: column(0),
      merged_reads: column(1),
      read_bytes: scaleCounter(column(2), SECTOR_BYTES),
      read_time: column(3),
      writes: column(4),
      merged_writes: column(5),
      write_bytes: scaleCounter(column(6), SECTOR_BYTES),
      write_time: column(7),
      iops_in_progress: column(8),
      io_time: column(9),
      weighted_io_time: column(10),
    });
  }
  return devices;
}

/** What two readings `elapsed` milliseconds apart tell. */
export interface DiskRates extends Record<string, number> {
  /** Percent of the time in which a request was outstanding. */
  io_util: number;
}

/**
 * io_util, and io_await and io_svctm (ms per request) if there were requests. Null if no time passed, or a counter went
 * back: the device was removed and came again.
 */
export function diskRates(before: DiskCounters, after: DiskCounters, elapsed: number): DiskRates | null {
  // The difference is taken before the conversion, which would round two large counters to one.
  const delta = (key: string) => Number(BigInt(after[key] ?? 0) - BigInt(before[key] ?? 0));
  const requests = delta('reads') + delta('writes');
  const busy = delta('io_time');
  const waited = delta('read_time') + delta('write_time');
  if (!(elapsed > 0) || delta('reads') < 0 || delta('writes') < 0 || busy < 0 || waited < 0) return null;
  const rates: DiskRates = { io_util: Math.min(100, (100 * busy) / elapsed) };
  if (requests > 0) {
    rates['io_await'] = waited / requests;
    rates['io_svctm'] = busy / requests;
  }
  return rates;
}
