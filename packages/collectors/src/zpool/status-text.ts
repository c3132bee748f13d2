import { ParseError, quote } from '../proc-text.ts';
import { parseAmount } from './parse.ts';
import { joinPath, type PoolStatus, type Scan, type Vdev } from './pool-status.ts';

/** A heading such as `  pool: tank`, ` state: ONLINE`; what belongs to it goes on in lines that begin with a tab. */
const HEADING = /^ {0,7}([a-z]+): ?(.*)$/;

/**
 * `zpool status`, with or without `-p`, as OpenZFS writes it (print_status_config and print_scan_status of
 * cmd/zpool/zpool_main.c) and as zfs-fuse does. Times are those that stand there, in no time zone. Throws ParseError.
 */
export function parseStatusText(text: string): PoolStatus[] {
  const pools: { pool: string; sections: [name: string, body: string][] }[] = [];
  for (const line of text.split('\n')) {
    const [, name, rest = ''] = HEADING.exec(line) ?? [];
    if (name === 'pool') pools.push({ pool: rest.trim(), sections: [] });
    else if (name !== undefined) pools.at(-1)?.sections.push([name, rest]);
    else {
      const section = pools.at(-1)?.sections.at(-1);
      if (section !== undefined) section[1] += `\n${line}`;
    }
  }
  return pools.map(({ pool, sections }) => {
    if (pool === '') throw new ParseError(`zpool status: ${quote(text)} names no pool`);
    const of = (...names: string[]) => sections.filter(([name]) => names.includes(name)).map(([, body]) => body);
    const errors = parseErrors(of('errors')[0] ?? '');
    return {
      pool,
      ...(errors === undefined ? {} : { errors }),
      scans: of('scan', 'scrub').flatMap(parseScan),
      vdevs: of('config').flatMap((body) => parseConfig(body, pool)),
    };
  });
}

function parseErrors(text: string): number | undefined {
  if (text.startsWith('No known data errors')) return 0;
  const [, count] = /^([0-9]{1,15}) data errors/.exec(text) ?? [];
  return count === undefined ? undefined : Number(count);
}

/** `Sun Nov 10 00:24:01 2024`, as ctime(3) writes it. */
const CTIME = /([A-Z][a-z]{2}) +([0-9]{1,2}) ([0-9]{2}):([0-9]{2}):([0-9]{2}) ([0-9]{4})$/;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

function parseCtime(text: string): number | undefined {
  const [, month = '', day, hour, minute, second, year] = CTIME.exec(text) ?? [];
  if (!MONTHS.includes(month)) return undefined;
  const time = Date.UTC(Number(year), MONTHS.indexOf(month), Number(day), Number(hour), Number(minute), Number(second));
  return Number.isSafeInteger(time) ? time : undefined;
}

/** One scan, or none: `none requested`, and what later versions may have to say. */
function parseScan(text: string): Scan[] {
  const line = (text.split('\n')[0] ?? '').trim().replace(/^thorough /, '');
  const kind = /^scrub/.test(line) ? 'scrub' : /^resilver/.test(line) ? 'resilver' : undefined;
  if (kind === undefined) return [];
  const endedAt = parseCtime(line);
  const ended = endedAt === undefined ? {} : { endedAt };
  const [, errors] = / with ([0-9]{1,15}) errors/.exec(line) ?? [];
  if (/ in progress /.test(line) || / paused since /.test(line)) {
    const [, done] = /([0-9]{1,3}\.[0-9]{1,2})% done/.exec(text) ?? [];
    const state = / paused /.test(line) ? 'paused' : 'running';
    return [{ kind, state, ...(done === undefined ? {} : { percent: Math.min(100, Number(done)) }) }];
  }
  if (/ (?:canceled|stopped) /.test(line)) return [{ kind, state: 'canceled', ...ended }];
  if (errors === undefined) return [];
  return [{ kind, state: 'finished', errors: Number(errors), ...ended }];
}

/** A line of the table: how deep, the name, the state, and for all but spares three counts. */
const ROW = /^\t( *)(\S.*?) {2,}([A-Z][A-Z_]+)(?: +([0-9]\S*) +([0-9]\S*) +([0-9]\S*))?(?: .*)?$/;

function parseConfig(text: string, pool: string): Vdev[] {
  const vdevs: Vdev[] = [];
  /** Paths of the line before and of those that it is below. */
  const above: string[] = [];
  for (const line of text.split('\n')) {
    const [, indent = '', name = '', state = '', reads, writes, checksums] = ROW.exec(line) ?? [];
    const heading = /^\t(\S+)\s*$/.exec(line)?.[1];
    if (heading !== undefined) above.splice(0, above.length, heading);
    if (name === '' || name === 'NAME') continue;
    const depth = indent.length / 2;
    const path = depth === 0 ? '' : joinPath(above[depth - 1] ?? '', name);
    above.splice(depth, above.length, path);
    const amount = (count: string | undefined) => (count === undefined ? undefined : parseAmount(count, `zpool status: ${pool}: ${name}`));
    const counts = { readErrors: amount(reads), writeErrors: amount(writes), checksumErrors: amount(checksums) };
    vdevs.push({ path, state, ...defined(counts) });
  }
  return vdevs;
}

function defined(counts: Record<string, number | undefined>): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).flatMap(([name, count]) => (count === undefined ? [] : [[name, count]])));
}
