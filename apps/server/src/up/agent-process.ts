import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Logger } from '@hostwire/service';

export interface AgentProcessOptions {
  /** The agent's bundle. */
  readonly script: string;
  readonly configFile: string;
  readonly mock: boolean;
  readonly logger: Logger;
  /** Where its lines go; default standard error. */
  readonly write?: (line: string) => void;
  /** First wait before a restart, ms; doubles up to a minute. */
  readonly minDelayMs?: number;
}

export interface AgentProcess {
  readonly pid: number | undefined;
  /** Asks it to stop, and ends it if it does not. */
  stop(): Promise<void>;
}

const MAX_DELAY_MS = 60_000;
const STABLE_MS = 60_000;
const STOP_MS = 3000;

/**
 * Runs the agent as a child: started again when it ends, with a wait that doubles. The IPC channel ties it to this
 * process: the kernel closes it however this process ends, and the agent (`--parent`) ends then too.
 */
export function startAgentProcess({
  script,
  configFile,
  mock,
  logger,
  write = toStandardError,
  minDelayMs = 1000,
}: AgentProcessOptions): AgentProcess {
  let child: ChildProcess | null = null;
  let timer: NodeJS.Timeout | undefined;
  let delay = minDelayMs;
  let stopping = false;

  const start = (): void => {
    const startedAt = Date.now();
    const args = [script, '--config', configFile, '--parent', ...(mock ? ['--mock'] : [])];
    const started = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe', 'ipc'], serialization: 'json' });
    child = started;
    for (const stream of [started.stdout, started.stderr]) {
      if (stream !== null) createInterface({ input: stream }).on('line', (line) => write(`[agent] ${line}\n`));
    }
    started.once('error', (error) => logger.error({ err: error }, 'the agent cannot be started'));
    started.once('close', (code, signal) => {
      child = null;
      if (stopping) return;
      if (Date.now() - startedAt >= STABLE_MS) delay = minDelayMs;
      logger.warn({ code, signal, retryInMs: delay }, 'the agent of this host ended; it is started again');
      timer = setTimeout(start, delay);
      delay = Math.min(delay * 2, MAX_DELAY_MS);
    });
  };
  start();

  return {
    get pid() {
      return child?.pid;
    },
    async stop() {
      stopping = true;
      clearTimeout(timer);
      const running = child;
      if (running === null || running.exitCode !== null || running.signalCode !== null) return;
      await new Promise<void>((done) => {
        const force = setTimeout(() => running.kill('SIGKILL'), STOP_MS);
        running.once('close', () => {
          clearTimeout(force);
          done();
        });
        running.kill('SIGTERM');
      });
    },
  };
}

function toStandardError(line: string): void {
  process.stderr.write(line);
}
