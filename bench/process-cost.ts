import { readFileSync } from 'node:fs';

/** CPU seconds of a process since its start, and its highest resident size in MB (proc(5): stat fields 14, 15; status VmHWM). */
export function processCost(pid: number): { cpuSeconds: number; peakMb: number } {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const [utime, stime] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13)
    .map(Number);
  const peak = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return { cpuSeconds: ((utime ?? 0) + (stime ?? 0)) / 100, peakMb: Math.round(Number(peak ?? 0) / 1024) };
}
