import { catalog as catalogOf } from '@hostwire/collectors';
import type { Row, Sample } from '@hostwire/model';
import { expect, it } from 'vitest';
import { createCatalogIndex } from './catalog-index.ts';
import { containersOf } from './containers.ts';
import { createLiveState } from './live-state.ts';

const catalog = catalogOf();
const START = 1_790_000_000_000;
const engine: Row = { tags: { engine_host: 'box', server_version: '27.0.1' }, fields: { n_images: 9 } };
const tags = (name: string, more = {}) => ({ container_name: name, container_image: 'nginx', container_version: '1.27', ...more });

function hostOf(...ticks: Sample['data'][]) {
  const live = createLiveState(createCatalogIndex(catalog));
  live.sync([{ host: 'box', createdAt: 1, firstSeenAt: null, lastSeenAt: null, info: null, group: null, labels: {}, gateway: null }]);
  ticks.forEach((data, index) => {
    const base = { v: 1, host: 'box', tier: 'medium', run: 'r1', interval: 30, catalog: catalog.hash } as const;
    live.applySample({ ...base, seq: index + 1, time: START + index * 30_000, data }, { receivedAt: START, retained: false });
  });
  const host = live.get('box');
  if (host === undefined) throw new Error('no host');
  return host;
}

it('joins the rows of a container, with its flows per second', () => {
  const tick = (received: number): Sample['data'] => ({
    docker: [engine],
    docker_container_status: [
      {
        tags: tags('web', { 'com.docker.compose.project': 'shop', 'com.docker.compose.service': 'front' }),
        // As it travels.
        fields: {
          container_id: 'a1',
          container_status: 'running',
          oomkilled: false,
          exitcode: 0,
          restart_count: 2,
          started_at: '1789992000500000000',
        },
      },
      {
        tags: tags('job'),
        fields: { container_id: 'b2', container_status: 'exited', oomkilled: true, exitcode: 137, finished_at: 1_789_992_000_000_000_000n },
      },
    ],
    docker_container_health: [{ tags: tags('web'), fields: { health_status: 'unhealthy', failing_streak: 4 } }],
    docker_container_cpu: [
      { tags: tags('web', { cpu: 'cpu-total' }), fields: { usage_percent: 120.5 } },
      { tags: tags('web', { cpu: 'cpu0' }), fields: { usage_total: 1 } },
    ],
    docker_container_mem: [{ tags: tags('web'), fields: { usage: 800, usage_percent: 20, limit: 4000 } }],
    docker_container_net: [{ tags: tags('web', { network: 'total' }), fields: { rx_bytes: received, tx_bytes: 0 } }],
  });
  const part = containersOf(hostOf(tick(0), tick(3000)));
  expect(part).toMatchObject({
    timestamp: START + 30_000,
    engine: { name: 'box', version: '27.0.1', images: 9 },
    summary: { total: 2, running: 1, stopped: 1, unhealthy: 1 },
  });
  expect(part.containers).toEqual([
    {
      ...{ id: 'b2', name: 'job', image: 'nginx', version: '1.27', project: null, service: null, status: 'exited', health: null },
      ...{
        failing_streak: null,
        exit_code: 137,
        oom_killed: true,
        restarts: null,
        started_at: null,
        finished_at: 1_789_992_000_000,
        cpu: null,
      },
      ...{ memory: { percent: null, used: null, total: null }, network: { in: null, out: null }, disk: { read: null, write: null } },
    },
    {
      ...{
        id: 'a1',
        name: 'web',
        image: 'nginx',
        version: '1.27',
        project: 'shop',
        service: 'front',
        status: 'running',
        health: 'unhealthy',
      },
      ...{
        failing_streak: 4,
        exit_code: null,
        oom_killed: false,
        restarts: 2,
        started_at: 1_789_992_000_500,
        finished_at: null,
        cpu: 120.5,
      },
      ...{ memory: { percent: 20, used: 800, total: 4000 }, network: { in: 100, out: 0 }, disk: { read: null, write: null } },
    },
  ]);
});

it('has none where there is no engine, and none that were there before', () => {
  const none = { summary: { total: 0, running: 0, stopped: 0, unhealthy: 0 }, containers: [] };
  expect(containersOf(hostOf({}))).toEqual({ ...none, timestamp: null, engine: null });
  const gone = {
    docker: [engine],
    docker_container_status: [{ tags: tags('web'), fields: { container_id: 'a', container_status: 'running' } }],
  };
  expect(containersOf(hostOf(gone, { docker: [engine] }))).toMatchObject({ ...none, timestamp: START + 30_000 });
});
