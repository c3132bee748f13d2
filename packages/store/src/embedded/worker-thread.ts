import { type ResourceLimits, Worker } from 'node:worker_threads';

/**
 * Starts `embedded/<name>` as a worker thread, from the built package (.js) or from source (.ts) alike.
 * `workerData` of the thread is `{ entry, ...data }`.
 */
export function startWorker(name: string, data: Readonly<Record<string, unknown>>, resourceLimits: ResourceLimits = {}): Worker {
  const fromSource = import.meta.url.endsWith('.ts');
  const entry = new URL(`./${name}${fromSource ? '.ts' : '.js'}`, import.meta.url);
  return new Worker(fromSource ? new URL('./from-source.mjs', import.meta.url) : entry, {
    name,
    workerData: { entry: entry.href, ...data },
    execArgv: fromSource ? ['--conditions=@hostwire/source'] : [],
    resourceLimits,
  });
}
