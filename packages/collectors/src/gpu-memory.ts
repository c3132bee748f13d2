import { AccessError, type HostAccess } from '@hostwire/host-access';
import { readKfdProcesses } from './amd_rocm_smi/kfd.ts';
import { readNvidiaSmi } from './nvidia_smi/read.ts';

/** Another collector asks every 30 seconds. */
const MAX_AGE_MS = 60_000;

/**
 * Process id -> bytes of GPU memory, of all GPUs that tell it by process. Never rejects: of a GPU that cannot be asked there is
 * nothing, and its own collector says why.
 */
export async function readGpuMemory(access: HostAccess, time: number): Promise<Map<number, number>> {
  const lists = await Promise.all([
    readNvidiaSmi(access, time, MAX_AGE_MS).then(({ processes }) => processes, toNone),
    readKfdProcesses(access, time, MAX_AGE_MS).catch(toNone),
  ]);
  const used = new Map<number, number>();
  for (const { pid, memory } of lists.flat()) if (memory !== null) used.set(pid, (used.get(pid) ?? 0) + memory);
  return used;
}

function toNone(error: unknown): [] {
  if (error instanceof AccessError || (error instanceof Error && 'code' in error)) return [];
  throw error;
}
