import { vi } from 'vitest';
import { runCommandLine } from './command-line.ts';

/** Runs `hostwire` with these words in this process. */
export async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ['', ''];
  const written = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    out += String(text);
    return true;
  });
  const failed = vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    err += String(text);
    return true;
  });
  try {
    const code = await runCommandLine(['node', 'hostwire', ...args]);
    return { code, out, err };
  } finally {
    written.mockRestore();
    failed.mockRestore();
  }
}
