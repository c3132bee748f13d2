import type { FieldDeclaration, MeasurementDeclaration } from '@hostwire/model';
import { counter, gauge, state } from '../declare.ts';

const ENGINE = {
  engine_host: 'Name of the engine',
  server_version: 'Version of the engine',
  engine_user: 'User whose containers they are; only of Podman without root',
};
const CONTAINER = {
  ...ENGINE,
  container_name: 'Name of the container',
  container_image: 'Its image, without the tag',
  container_version: "The image's tag; unknown if none",
  'com.docker.compose.project': 'Its project in Docker Compose',
  'com.docker.compose.service': 'Its service in Docker Compose',
};
const id = { container_id: state('string', 'Id of the container') };

/** Kernel statistics of a control group's memory that are reported if the engine has them. */
export const MEMORY_STATS = {
  ...gauges('bytes', 'active_anon active_file cache hierarchical_memory_limit inactive_anon inactive_file mapped_file rss rss_huge'),
  ...gauges('bytes', 'total_active_anon total_active_file total_cache total_inactive_anon total_inactive_file total_mapped_file'),
  ...gauges('bytes', 'total_rss total_rss_huge total_unevictable total_writeback unevictable writeback'),
  ...counters('pages', 'pgfault pgmajfault pgpgin pgpgout total_pgfault total_pgmajfault total_pgpgin total_pgpgout'),
};

/** Lists of `blkio_stats` whose entries are told apart by the operation. */
export const BLOCK_OPERATIONS = ['read', 'write', 'sync', 'async', 'total'] as const;
export const BLOCK_LISTS = {
  io_service_bytes_recursive: 'bytes',
  io_serviced_recursive: '1',
  io_queue_recursive: '1',
  io_service_time_recursive: 'ns',
  io_wait_time_recursive: 'ns',
  io_merged_recursive: '1',
} as const;

export const NETWORK_COUNTERS = {
  rx_bytes: counter('bytes', 'Received'),
  rx_packets: counter('packets', 'Received'),
  rx_errors: counter('packets', 'Received with an error'),
  rx_dropped: counter('packets', 'Received and thrown away'),
  tx_bytes: counter('bytes', 'Sent'),
  tx_packets: counter('packets', 'Sent'),
  tx_errors: counter('packets', 'Could not be sent'),
  tx_dropped: counter('packets', 'Thrown away instead of sent'),
};

export const MEASUREMENTS: Readonly<Record<string, MeasurementDeclaration>> = {
  docker: {
    help: 'The engine as a whole.',
    tags: ENGINE,
    fields: {
      n_cpus: gauge('int', 'cpus', 'Processors that it sees'),
      n_containers: gauge('int', '1', 'Containers'),
      n_containers_running: gauge('int', '1', 'Containers that run'),
      n_containers_stopped: gauge('int', '1', 'Containers that do not run'),
      n_containers_paused: gauge('int', '1', 'Containers that are paused'),
      n_images: gauge('int', '1', 'Images'),
      n_used_file_descriptors: gauge('int', 'files', 'Files that the engine has open; 0 unless it runs with debug'),
      n_goroutines: gauge('int', '1', 'Goroutines of the engine; 0 unless it runs with debug'),
      n_listener_events: gauge('int', '1', 'Who listens to its events'),
      memory_total: gauge('int', 'bytes', 'Memory that it sees'),
    },
  },
  docker_container_cpu: {
    help: 'Processor time of a container.',
    tags: { ...CONTAINER, cpu: 'cpu-total, or cpuN' },
    fields: {
      ...id,
      usage_total: counter('ns', 'Used'),
      usage_in_usermode: counter('ns', 'Used in user mode'),
      usage_in_kernelmode: counter('ns', 'Used in kernel mode'),
      usage_system: counter('ns', "Used by the whole machine's processes"),
      usage_percent: gauge('float', 'percent', 'Of one core since the last reading: 4 busy threads are 400'),
      throttling_periods: counter('1', 'Periods with a limit in force'),
      throttling_throttled_periods: counter('1', 'Periods in which the limit was reached'),
      throttling_throttled_time: counter('ns', 'Held back by the limit'),
    },
  },
  docker_container_mem: {
    help: 'Memory of a container.',
    tags: CONTAINER,
    fields: {
      ...id,
      usage: gauge('int', 'bytes', 'In use, without what the page cache would give back'),
      usage_percent: gauge('float', 'percent', 'In use, of the limit'),
      limit: gauge('int', 'bytes', 'Limit, or all of the machine'),
      max_usage: gauge('int', 'bytes', 'Most that was in use; 0 where the kernel does not tell (cgroup v2)'),
      fail_count: counter('1', 'Times that the limit was reached; only if any'),
      ...MEMORY_STATS,
    },
  },
  docker_container_net: {
    help: 'What the networks of a container carried; none for those on the network of the host.',
    tags: { ...CONTAINER, network: 'total, or the interface' },
    fields: { ...id, ...NETWORK_COUNTERS },
  },
  docker_container_blkio: {
    help: 'What a container read from disks and wrote to them.',
    tags: { ...CONTAINER, device: 'total, or major:minor' },
    fields: {
      ...id,
      ...Object.fromEntries(
        Object.entries(BLOCK_LISTS).flatMap(([list, unit]) =>
          BLOCK_OPERATIONS.map((operation) => [`${list}_${operation}`, counter(unit, `${list} of the kernel, ${operation}`)] as const),
        ),
      ),
      io_time_recursive: counter('ms', 'Time that the device was busy for it'),
      sectors_recursive: counter('1', 'Sectors'),
    },
  },
  docker_container_status: {
    help: 'What a container does, also of those that are stopped.',
    tags: CONTAINER,
    fields: {
      ...id,
      container_status: state('string', 'created, running, paused, restarting, removing, exited or dead'),
      oomkilled: state('bool', 'Ended by the kernel for want of memory'),
      pid: state('int', 'Its first process on the host; 0 if it does not run'),
      exitcode: state('int', 'With which it ended last'),
      restart_count: counter('1', 'Starts by its restart policy'),
      started_at: gauge('int', 'ns', 'Start, since 1970'),
      finished_at: gauge('int', 'ns', 'Last end, since 1970'),
      uptime_ns: gauge('int', 'ns', 'How long it has run, or ran last'),
      image_id: state('string', 'Id of its image'),
      image_created: gauge('int', 's', 'When its image was made, since 1970'),
      image_age: gauge('int', 's', 'How long ago its image was made'),
    },
  },
  docker_container_health: {
    help: 'What the health check of a container says; only of those that have one.',
    tags: CONTAINER,
    fields: {
      health_status: state('string', 'starting, healthy or unhealthy'),
      failing_streak: gauge('int', '1', 'Checks that failed in a row'),
    },
  },
};

function gauges(unit: 'bytes', names: string): Record<string, FieldDeclaration> {
  return Object.fromEntries(names.split(' ').map((name) => [name, gauge('int', unit, 'As the kernel has it in memory.stat')]));
}

function counters(unit: 'pages', names: string): Record<string, FieldDeclaration> {
  return Object.fromEntries(names.split(' ').map((name) => [name, counter(unit, 'As the kernel has it in memory.stat')]));
}
