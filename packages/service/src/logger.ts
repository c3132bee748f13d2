import { isatty } from 'node:tty';
import { type DestinationStream, destination, type Logger, pino } from 'pino';
import pretty from 'pino-pretty';

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
}

const SECRETS = ['token', 'password', 'authorization', 'secret'];
const REDACTED = SECRETS.flatMap((key) => [key, `*.${key}`, `*.*.${key}`]);

/**
 * A logger that writes at once (a killed process loses no line) and shows no value of a key token, password, authorization
 * or secret down to three levels.
 */
export function createLogger({ name, level = 'info', pretty: wanted, destination: to = 1 }: LoggerOptions): Logger {
  const options = { name, level, redact: { paths: REDACTED, censor: '***' }, base: { name } };
  const forPeople = wanted ?? (typeof to === 'number' && isatty(to));
  if (forPeople) {
    return pino(
      options,
      pretty({ destination: to, sync: true, ignore: 'pid,hostname', translateTime: 'HH:MM:ss.l', colorize: isTerminal(to) }),
    );
  }
  return pino(options, typeof to === 'number' ? destination({ fd: to, sync: true }) : to);
}

function isTerminal(to: 1 | 2 | DestinationStream): boolean {
  return typeof to === 'number' && isatty(to) && process.env['NO_COLOR'] === undefined;
}
