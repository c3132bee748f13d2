import type { ContainersBody } from '../../server/src/api/container-schemas.ts';

type Container = ContainersBody['containers'][number];

const HOUR = 3_600_000;

/** What the story's host runs in containers: one that was ended for want of memory, one whose check fails, one with an evil name. */
export function storyContainers(now: number): ContainersBody {
  const one = (name: string, image: string, memory: number, change: Partial<Container> = {}): Container => ({
    ...{
      id: name,
      name,
      image,
      version: '1.27',
      project: 'models',
      service: name,
      status: 'running',
      health: 'healthy',
      failing_streak: 0,
    },
    ...{ exit_code: null, oom_killed: false, restarts: 0, started_at: now - 9 * HOUR, finished_at: null, cpu: memory * 0.7 },
    memory: { percent: memory, used: memory * 2 ** 28, total: 100 * 2 ** 28 },
    network: { in: memory * 900, out: memory * 4000 },
    disk: { read: null, write: null },
    ...change,
  });
  const containers = [
    one('prom-exporter', 'quay.io/prometheus/node-exporter', 0.1, { project: null, service: null, health: null }),
    one('<b>jupyter</b>', 'jupyter/minimal-notebook', 4.6, { health: 'unhealthy', failing_streak: 7, restarts: 3 }),
    one('label-studio', 'heartexlabs/label-studio', 0, {
      ...{ status: 'exited', health: null, exit_code: 137, oom_killed: true, finished_at: now - 8 * HOUR, cpu: null },
      ...{ memory: { percent: null, used: null, total: null }, network: { in: null, out: null } },
    }),
    one('ollama', 'ollama/ollama', 25.1),
    one('open-webui', `sha256`, 2.9, { version: '0d7cc930ee797a2f8377c0af11c08148e61bc2d0e1f2ffaa0aad8ea1e2acad74' }),
  ];
  return {
    timestamp: now,
    engine: { name: 'gpu-box', version: '27.3.1', images: 14 },
    summary: { total: 5, running: 4, stopped: 1, unhealthy: 1 },
    containers,
  };
}

/** The row by which a page knows that there is an engine. */
export const STORY_ENGINE = { tags: { engine_host: 'gpu-box', server_version: '27.3.1' }, fields: { n_containers: 5, n_images: 14 } };
