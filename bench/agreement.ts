// Do our numbers agree with the system's own tools? One core is kept busy while the collectors and `top` watch the same
// seconds; then `free -b`, `df -B1`, `ps` and /proc are read at once beside a tick. Prints every pair and exits 1 if one is
// further apart than it may be. Run: npm run check:agreement
import { execFile, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { createRunner } from '@hostwire/collectors';
import { LocalHost } from '@hostwire/host-access';
import type { Row } from '@hostwire/model';

const WINDOW_S = 4;
const run = promisify(execFile);
const environment = { ...process.env, LC_ALL: 'C', COLUMNS: '200' };
const output = async (command: string, ...args: string[]): Promise<string> => (await run(command, args, { env: environment })).stdout;

const access = new LocalHost();
const runner = createRunner({ access });
const busy = spawn(process.execPath, ['-e', `const end = Date.now() + ${(WINDOW_S + 6) * 1000}; while (Date.now() < end);`], {
  stdio: 'ignore',
});
let apart = 0;
try {
  await sleep(1000);
  const top = output('top', '-b', '-d', String(WINDOW_S), '-n', '2', '-w', '200');
  await runner.collect('fast');
  await sleep(WINDOW_S * 1000);
  const [fast, screens] = await Promise.all([runner.collect('fast'), top]);
  const screen = screens.slice(screens.lastIndexOf('\ntop - ') + 1);
  const idle = Number(/([\d.]+) id/.exec(screen)?.[1]);
  const busyLine = screen.split('\n').find((line) => line.trim().startsWith(`${busy.pid} `));
  const total = find(fast.data['cpu'], { cpu: 'cpu-total' });
  within('cpu active, %', total['usage_active'], 100 - idle, 3);
  within(
    'busy process, % of a core',
    processField(fast.data['process_top'], 'cpu', 'cpu_usage'),
    Number(busyLine?.trim().split(/\s+/)[8]),
    3,
  );

  const [again, disks, free, df, ps, loadavg] = await Promise.all([
    runner.collect('fast'),
    runner.collect('medium'),
    output('free', '-b'),
    output('df', '-B1', '--output=source,size,used,avail,pcent,target'),
    output('ps', '-e', '-o', 'pid=,rss=,comm='),
    Promise.resolve(readFileSync('/proc/loadavg', 'utf8')),
  ]);
  const memory = find(again.data['mem'], {});
  const [memTotal, , memFree] = (/^Mem:\s+(.*)$/m.exec(free)?.[1] ?? '').split(/\s+/).map(Number);
  const memAvailable = Number((/^Mem:\s+(.*)$/m.exec(free)?.[1] ?? '').split(/\s+/)[5]);
  within('memory total, bytes', memory['total'], memTotal, 0);
  within('memory free, bytes', memory['free'], memFree, 64 * 2 ** 20);
  within('memory available, bytes', memory['available'], memAvailable, 64 * 2 ** 20);
  const [swapTotal, swapUsed] = (/^Swap:\s+(.*)$/m.exec(free)?.[1] ?? '').split(/\s+/).map(Number);
  within('swap total, bytes', find(again.data['swap'], {})['total'], swapTotal, 0);
  within('swap used, bytes', find(again.data['swap'], {})['used'], swapUsed, 2 ** 20);
  for (const row of disks.data['disk'] ?? []) {
    const line = df.split('\n').find((text) => text.trim().endsWith(` ${row.tags?.['path']}`));
    if (line === undefined) continue;
    const [, size, used, available, percent] = line.trim().split(/\s+/);
    const path = row.tags?.['path'];
    within(`disk ${path} total, bytes`, row.fields['total'], Number(size), 0);
    within(`disk ${path} used, bytes`, row.fields['used'], Number(used), 8 * 2 ** 20);
    within(`disk ${path} free, bytes`, row.fields['free'], Number(available), 8 * 2 ** 20);
    // df rounds up to the next whole percent.
    within(`disk ${path} used, %`, row.fields['used_percent'], Number.parseInt(percent ?? '', 10), 1);
  }
  const processes = ps.trim().split('\n');
  within('processes', find(again.data['processes'], {})['total'], processes.length, 4);
  const rss = processes
    .find((line) => line.trim().startsWith(`${busy.pid} `))
    ?.trim()
    .split(/\s+/)[1];
  within('busy process, resident bytes', processField(again.data['process_top'], 'cpu', 'memory_rss'), Number(rss) * 1024, 2 ** 20);
  within('load1', find(again.data['system'], {})['load1'], Number(loadavg.split(' ')[0]), 0.3);
} finally {
  busy.kill();
  runner.close();
  await access.close();
}
process.exitCode = apart > 0 ? 1 : 0;

function within(what: string, ours: unknown, theirs: number | undefined, allowed: number): void {
  const difference = Math.abs(Number(ours) - Number(theirs));
  const isClose = difference <= allowed;
  if (!isClose) apart++;
  process.stdout.write(
    `${isClose ? 'ok   ' : 'APART'}  ${what.padEnd(34)} ours ${String(ours).padStart(14)}  theirs ${String(theirs).padStart(14)}  apart ${difference.toFixed(2)} of ${allowed}\n`,
  );
}

function find(rows: readonly Row[] | undefined, tags: Readonly<Record<string, string>>): Row['fields'] {
  return rows?.find((row) => Object.entries(tags).every(([name, value]) => row.tags?.[name] === value))?.fields ?? {};
}

/** Of the busy process, wherever it ranks. */
function processField(rows: readonly Row[] | undefined, by: string, field: string): unknown {
  return rows?.find((row) => row.tags?.['by'] === by && row.fields['pid'] === busy.pid)?.fields[field];
}
