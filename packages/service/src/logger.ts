import { isatty } from 'node:tty';
import { type DestinationStream, destination, type Logger, type LoggerOptions as LoggerOptionsOfPino, pino } from 'pino';
import pretty from 'pino-pretty';
import type { ProblemLog } from './problem-log.ts';

export type { Logger } from 'pino';

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';

export interface LoggerOptions {
  /** The program, on every line. */
  readonly name: string;
  /** Default `info`. */
  readonly level?: LogLevel;
  /** Lines for people instead of JSON; default: if the destination is a terminal. */
  readonly pretty?: boolean;
  /** File descriptor (default 1, standard output; 2 for programs whose output is read by others) or a stream. */
  readonly destination?: 1 | 2 | DestinationStream;
  /** Gets what is logged as a warning or worse. */
  readonly problems?: ProblemLog;
}

const SECRETS = ['token', 'password', 'authorization', 'secret'];
const REDACTED = SECRETS.flatMap((key) => [key, `*.${key}`, `*.*.${key}`]);

/**
 * A logger that writes at once (a killed process loses no line) and shows no value of a key token, password, authorization
 * or secret down to three levels.
 */
export function createLogger({ name, level = 'info', pretty: wanted, destination: to = 1, problems }: LoggerOptions): Logger {
  const hooks = problems === undefined ? {} : { hooks: { logMethod: keepProblems(problems) } };
  const options = { ...hooks, name, level, redact: { paths: REDACTED, censor: '***' }, base: { name } };
  const forPeople = wanted ?? (typeof to === 'number' && isatty(to));
  if (forPeople) {
    return pino(
      options,
      pretty({ destination: to, sync: true, ignore: 'pid,hostname', translateTime: 'HH:MM:ss.l', colorize: isTerminal(to) }),
    );
  }
  return pino(options, typeof to === 'number' ? destination({ fd: to, sync: true }) : to);
}

const WARN = 40;
const ERROR = 50;

function keepProblems(problems: ProblemLog): LogHook {
  return function (args, method, level) {
    if (level >= WARN) problems.add(level > ERROR ? 'fatal' : level === ERROR ? 'error' : 'warn', messageOf(args));
    method.apply(this, args);
  };
}

type LogHook = NonNullable<NonNullable<LoggerOptionsOfPino['hooks']>['logMethod']>;

/** As pino finds it: after the fields, or that of an error that stands alone. */
function messageOf([first, second]: readonly unknown[]): string {
  if (typeof second === 'string') return second;
  if (typeof first === 'string') return first;
  const { message, err } = (first ?? {}) as { message?: unknown; err?: { message?: unknown } };
  return String(message ?? err?.message ?? 'a problem without a message');
}

function isTerminal(to: 1 | 2 | DestinationStream): boolean {
  return typeof to === 'number' && isatty(to) && process.env['NO_COLOR'] === undefined;
}
