import type { Row } from '@hostwire/model';
import type { ContainerBody, ContainersBody } from '../api/container-schemas.ts';
import type { HostLive } from './host-live.ts';
import { millisecondsOf, numberOf, textOf } from './values.ts';

const NS_PER_MS = 1_000_000n;

/** The containers of a host out of its newest rows, by project and name. What is not known is null. */
export function containersOf(host: HostLive): ContainersBody {
  const engine = host.latest('docker');
  const [info] = engine?.rows ?? [];
  // A tick without a container has no rows of them: older ones are of containers that are gone.
  const rows = (measurement: string): readonly Row[] => {
    const found = host.latest(measurement);
    return found !== undefined && engine !== undefined && found.time >= engine.time ? found.rows : [];
  };
  const of = (found: readonly Row[]): Map<string, Row> => new Map(found.map((row) => [row.tags?.['container_name'] ?? '', row]));
  const total = (found: readonly Row[], tag: string): Map<string, Row> => of(found.filter(({ tags }) => tags?.[tag] === 'total'));
  const cpu = of(rows('docker_container_cpu').filter(({ tags }) => tags?.['cpu'] === 'cpu-total'));
  const mem = of(rows('docker_container_mem'));
  const health = of(rows('docker_container_health'));
  const net = total(host.rates('docker_container_net'), 'network');
  const disk = total(host.rates('docker_container_blkio'), 'device');
  const containers = rows('docker_container_status').map(({ tags = {}, fields }): ContainerBody => {
    const name = tags['container_name'] ?? '';
    const runs = fields['container_status'] === 'running' || fields['container_status'] === 'paused';
    const flow = (row: Row | undefined, field: string): number | null => (runs ? numberOf(row?.fields[field]) : null);
    return {
      id: textOf(fields['container_id']) ?? '',
      name,
      image: tags['container_image'] ?? '',
      version: tags['container_version'] ?? '',
      project: tags['com.docker.compose.project'] ?? null,
      service: tags['com.docker.compose.service'] ?? null,
      status: textOf(fields['container_status']) ?? 'unknown',
      health: textOf(health.get(name)?.fields['health_status'])?.toLowerCase() ?? null,
      failing_streak: numberOf(health.get(name)?.fields['failing_streak']),
      exit_code: runs ? null : numberOf(fields['exitcode']),
      oom_killed: fields['oomkilled'] === true,
      restarts: numberOf(fields['restart_count']),
      started_at: millisecondsOf(fields['started_at'], NS_PER_MS),
      finished_at: millisecondsOf(fields['finished_at'], NS_PER_MS),
      cpu: flow(cpu.get(name), 'usage_percent'),
      memory: {
        percent: flow(mem.get(name), 'usage_percent'),
        used: flow(mem.get(name), 'usage'),
        total: flow(mem.get(name), 'limit'),
      },
      network: { in: flow(net.get(name), 'rx_bytes'), out: flow(net.get(name), 'tx_bytes') },
      disk: {
        read: flow(disk.get(name), 'io_service_bytes_recursive_read'),
        write: flow(disk.get(name), 'io_service_bytes_recursive_write'),
      },
    };
  });
  const running = containers.filter(({ status }) => status === 'running').length;
  return {
    timestamp: engine?.time ?? null,
    engine:
      info === undefined
        ? null
        : {
            name: info.tags?.['engine_host'] ?? '',
            version: info.tags?.['server_version'] ?? '',
            images: numberOf(info.fields['n_images']),
          },
    summary: {
      total: containers.length,
      running,
      stopped: containers.length - running,
      unhealthy: containers.filter((one) => one.health === 'unhealthy').length,
    },
    containers: containers.sort((a, b) => order(a.project ?? '', b.project ?? '') || order(a.name, b.name)),
  };
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
