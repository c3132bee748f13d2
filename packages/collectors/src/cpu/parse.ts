import { linesOf, ParseError, parseCount, wordsOf } from '../proc-text.ts';

/** CPU time in jiffies since boot, as /proc/stat has it: guest is inside user, guest_nice inside nice. */
export interface CpuTimes {
  readonly user: number;
  readonly nice: number;
  readonly system: number;
  readonly idle: number;
  readonly iowait: number;
  readonly irq: number;
  readonly softirq: number;
  readonly steal: number;
  readonly guest: number;
  readonly guest_nice: number;
}

const COLUMNS = ['user', 'nice', 'system', 'idle', 'iowait', 'irq', 'softirq', 'steal', 'guest', 'guest_nice'] as const;

/**
 * The `cpu` lines of /proc/stat (proc(5)): `cpu-total`, `cpu0`, ... -> jiffies. Columns that an older kernel lacks are 0.
 * Throws ParseError if there is no line of the whole machine, or a column is not a whole number.
 */
export function parseCpuTimes(text: string): Map<string, CpuTimes> {
  const cpus = new Map<string, CpuTimes>();
  for (const line of linesOf(text)) {
    if (!/^cpu[0-9]{0,6}\s/.test(line)) continue;
    const [name = '', ...columns] = wordsOf(line);
    if (columns.length < 4) throw new ParseError(`/proc/stat: ${name} has ${columns.length} columns`);
    const column = (index: number) => parseCount(columns[index] ?? '0', `/proc/stat: ${name} ${COLUMNS[index]}`);
    cpus.set(name === 'cpu' ? 'cpu-total' : name, {
      user: column(0),
      nice: column(1),
      system: column(2),
      idle: column(3),
      iowait: column(4),
      irq: column(5),
      softirq: column(6),
      steal: column(7),
      guest: column(8),
      guest_nice: column(9),
    });
  }
  if (!cpus.has('cpu-total')) throw new ParseError('/proc/stat: no cpu line');
  return cpus;
}

/** Percent of the time between two readings that went into each kind of work; the parts sum to 100. */
export interface CpuUsage extends Record<string, number> {
  usage_user: number;
  usage_system: number;
  usage_idle: number;
  usage_nice: number;
  usage_iowait: number;
  usage_irq: number;
  usage_softirq: number;
  usage_steal: number;
  usage_guest: number;
  usage_guest_nice: number;
  usage_active: number;
}

/**
 * Usage between two readings, or null if no time passed. A column that went back counts as unchanged: iowait and idle do
 * so in normal operation (proc(5)), and all of them when a core comes back.
 */
export function cpuUsage(before: CpuTimes, after: CpuTimes): CpuUsage | null {
  const delta = (column: keyof CpuTimes) => Math.max(0, after[column] - before[column]);
  const user = delta('user');
  const nice = delta('nice');
  const idle = delta('idle');
  const total = user + nice + idle + delta('system') + delta('iowait') + delta('irq') + delta('softirq') + delta('steal');
  if (!(total > 0)) return null;
  const guest = Math.min(delta('guest'), user);
  const guestNice = Math.min(delta('guest_nice'), nice);
  const percent = (jiffies: number) => (100 * jiffies) / total;
  return {
    usage_user: percent(user - guest),
    usage_system: percent(delta('system')),
    usage_idle: percent(idle),
    usage_nice: percent(nice - guestNice),
    usage_iowait: percent(delta('iowait')),
    usage_irq: percent(delta('irq')),
    usage_softirq: percent(delta('softirq')),
    usage_steal: percent(delta('steal')),
    usage_guest: percent(guest),
    usage_guest_nice: percent(guestNice),
    usage_active: percent(total - idle),
  };
}
