import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';

/** A process that is told to stop while `fs.open` waits for a writer of `pipe`, as it does on a mount that does not answer. */
function start(pipe: string) {
  const script = `
    import { open } from 'node:fs';
    import { createLifecycle, createLogger } from ${JSON.stringify(new URL('./index.ts', import.meta.url).href)};
    createLifecycle(createLogger({ name: 'test', destination: 2 })).add('part', () => console.log('stopped'));
    open(${JSON.stringify(pipe)}, 'r', () => {});
    setInterval(() => {}, 1000);
    console.log('ready');`;
  const args = ['--import', 'tsx', '--conditions=@hostwire/source', '--input-type=module', '-e', script];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

it.runIf(process.platform !== 'win32')('ends a process one of whose threads waits for ever', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'hostwire-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const pipe = join(folder, 'pipe');
  execFileSync('mkfifo', [pipe]);
  const child = start(pipe);
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString();
    if (text === 'ready\n') child.kill('SIGTERM');
  });
  expect(await once(child, 'exit')).toEqual([null, 'SIGTERM']);
  expect(text).toBe('ready\nstopped\n');
});
