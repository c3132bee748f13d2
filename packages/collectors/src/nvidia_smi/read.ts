import { AccessError, type HostAccess } from '@hostwire/host-access';
import type { CommandNeed } from '../collector.ts';
import { shareReading } from '../shared-reading.ts';
import { parseNvidiaSmi, type SmiLog } from './parse.ts';

/** What `readNvidiaSmi` runs. */
export const NVIDIA_SMI_NEED: CommandNeed = { command: 'nvidia-smi', args: ['-q', '-x'] };

/** What nvidia-smi tells, not older than `maxAgeMs` at `time`. Rejects with AccessError (ENOENT: it is not installed) or ParseError. */
export function readNvidiaSmi(access: HostAccess, time: number, maxAgeMs = 0): Promise<SmiLog> {
  return shareReading(access, 'nvidia-smi', { time, maxAgeMs }, async (signal) => {
    // It shows command lines whole.
    const commandLines = [['<process_name>', '</process_name>']] as const;
    const { exitCode, stdout, stderr } = await access.exec('nvidia-smi', ['-q', '-x'], { signal, timeout: 8000, commandLines });
    // With some exit codes (14: the memory of the board is damaged) it has told all the same.
    if (exitCode !== 0 && !stdout.includes('<gpu')) {
      throw new AccessError(`exit-${exitCode}`, `nvidia-smi: ${(stderr || stdout).trim().slice(0, 200) || `exit code ${exitCode}`}`);
    }
    return await parseNvidiaSmi(stdout);
  });
}
