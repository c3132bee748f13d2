import { ParseError, parseCounter } from '../proc-text.ts';

export interface KernelCounters extends Record<string, number | bigint> {
  boot_time: number | bigint;
  context_switches: number | bigint;
  interrupts: number | bigint;
  processes_forked: number | bigint;
}

/** The lines of /proc/stat (proc(5)) that speak of the whole kernel. Throws ParseError if one is missing. */
export function parseKernelCounters(text: string): KernelCounters {
  const first = (key: string) => {
    // Not split into lines: `intr` has a column per interrupt, tens of kilobytes on large machines.
    const value = new RegExp(`^${key} ([0-9]+)`, 'm').exec(text)?.[1];
    if (value === undefined) throw new ParseError(`/proc/stat: no ${key}`);
    return parseCounter(value, `/proc/stat: ${key}`);
  };
  return {
    boot_time: first('btime'),
    context_switches: first('ctxt'),
    interrupts: first('intr'),
    processes_forked: first('processes'),
  };
}
