import { AccessError, type HostAccess } from '@hostwire/host-access';
import type { GpuProcess } from '../gpu-process.ts';
import { isAbsent } from '../proc-text.ts';
import { shareReading } from '../shared-reading.ts';
import { findCards } from './sysfs.ts';

const KFD = '/sys/class/kfd/kfd';

/**
 * Processes that compute on GPUs of AMD, with the memory that they hold there, by the kernel's compute driver (sysfs
 * class kfd). Programs that only draw are not among them. Empty where there is no such driver.
 */
export function readKfdProcesses(access: HostAccess, time: number, maxAgeMs = 0): Promise<readonly GpuProcess[]> {
  return shareReading(access, 'kfd', { time, maxAgeMs }, async (signal) => {
    const pids = (await list(access, `${KFD}/proc`, signal)).filter((name) => /^[1-9][0-9]{0,9}$/.test(name));
    if (pids.length === 0) return [];
    const gpus = await readGpuIds(access, signal);
    const processes: GpuProcess[] = [];
    for (const pid of pids) {
      const names = (await list(access, `${KFD}/proc/${pid}`, signal)).filter((name) => /^vram_[0-9]+$/.test(name));
      const texts = await access.readFiles(
        names.map((name) => `${KFD}/proc/${pid}/${name}`),
        { signal },
      );
      for (const [index, name] of names.entries()) {
        const memory = wholeOf(texts[index]);
        const gpu = gpus.get(name.slice('vram_'.length));
        if (memory !== null && gpu !== undefined) processes.push({ gpu, pid: Number(pid), type: 'C', name: '', memory });
      }
    }
    return processes;
  });
}

/** The compute driver's id of a GPU -> its place among the cards. Both have the render node in common. */
async function readGpuIds(access: HostAccess, signal: AbortSignal): Promise<Map<string, number>> {
  const cards = await findCards(access, signal);
  const nodes = await list(access, `${KFD}/topology/nodes`, signal);
  const texts = await access.readFiles(
    nodes.flatMap((node) => [`${KFD}/topology/nodes/${node}/gpu_id`, `${KFD}/topology/nodes/${node}/properties`]),
    { signal },
  );
  const ids = new Map<string, number>();
  for (const index of nodes.keys()) {
    const [id, properties] = [texts[2 * index], texts[2 * index + 1]];
    const minor = typeof properties === 'string' ? /^drm_render_minor ([0-9]+)$/m.exec(properties)?.[1] : undefined;
    const place = cards.findIndex(({ render }) => render === `renderD${minor}`);
    if (typeof id === 'string' && place >= 0) ids.set(id.trim(), place);
  }
  return ids;
}

async function list(access: HostAccess, path: string, signal: AbortSignal): Promise<string[]> {
  try {
    return await access.readDir(path, { signal });
  } catch (error) {
    // A process may have ended.
    if (isAbsent(error) || (error instanceof AccessError && error.code === 'ESRCH')) return [];
    throw error;
  }
}

function wholeOf(text: string | AccessError | undefined): number | null {
  const digits = typeof text === 'string' ? /^([0-9]{1,15})\n?$/.exec(text)?.[1] : undefined;
  return digits === undefined ? null : Number(digits);
}
