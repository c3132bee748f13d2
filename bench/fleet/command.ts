import { spawn } from 'node:child_process';

export interface Ended {
  readonly code: number | null;
  /** Standard output and standard error, as they came. */
  readonly text: string;
}

/** Runs a program to its end, whatever that is; ended by SIGKILL after `timeoutMs`. Throws only if it cannot be started. */
export function runCommand(
  argv: readonly string[],
  { timeoutMs = 120_000, input = '' }: { timeoutMs?: number; input?: string } = {},
): Promise<Ended> {
  const [command = '', ...args] = argv;
  return new Promise((done, fail) => {
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], timeout: timeoutMs, killSignal: 'SIGKILL' });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
    child.once('error', fail);
    // Not `close`: what it left running may keep its output open.
    child.once('exit', (code) => setTimeout(() => done({ code, text }), 50));
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}

/** The same; throws with what it said unless it ends with 0. */
export async function mustRun(argv: readonly string[], options: { timeoutMs?: number; input?: string } = {}): Promise<string> {
  const { code, text } = await runCommand(argv, options);
  if (code !== 0) throw new Error(`${argv.join(' ')} ended with ${code}: ${text.slice(-2000)}`);
  return text;
}
