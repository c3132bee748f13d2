import type { FieldDeclaration, MeasurementDeclaration } from '@hostwire/model';
import { counter, gauge, state } from '../declare.ts';

const DOMAIN = { domain_name: 'Name of the guest' };
const kibibytes = (help: string) => gauge('int', '1', `${help}, in KiB`);
const events = (names: string): Record<string, FieldDeclaration> =>
  Object.fromEntries(names.split(' ').map((name) => [name, counter('1', 'As the performance counters of the host have it')]));
const count = (what: string): MeasurementDeclaration => ({
  help: `How many ${what} a guest has.`,
  tags: DOMAIN,
  fields: { count: gauge('int', '1', `Number of ${what}`) },
});

/** Telegraf's names. */
export const MEASUREMENTS: Readonly<Record<string, MeasurementDeclaration>> = {
  libvirt_state: {
    help: 'The state of a guest.',
    tags: DOMAIN,
    fields: {
      status: state('string', 'running, blocked, paused, shutdown, shutoff, crashed, pmsuspended or nostate'),
      state: state('int', 'The same as a number (virDomainState): 1 running, 3 paused, 5 off, 6 crashed'),
      reason: state('int', 'Why it came to this state (virDomain*Reason)'),
    },
  },
  libvirt_cpu: {
    help: 'Processor time of a guest.',
    tags: DOMAIN,
    fields: {
      time: counter('ns', 'All'),
      user: counter('ns', 'In user mode'),
      system: counter('ns', 'In the kernel'),
      haltpoll_success_time: counter('ns', 'Of polling for work of a halted processor, when some came'),
      haltpoll_fail_time: counter('ns', 'The same when none came'),
    },
  },
  libvirt_balloon: {
    help: 'Memory of a guest.',
    tags: DOMAIN,
    fields: {
      current: kibibytes('What it has now'),
      maximum: kibibytes('The most that it may have'),
      swap_in: kibibytes('Read from its swap'),
      swap_out: kibibytes('Written to its swap'),
      major_fault: counter('1', 'Page faults for which it read from a disk'),
      minor_fault: counter('1', 'Other page faults'),
      unused: kibibytes('What it does not use'),
      available: kibibytes('What it sees'),
      usable: kibibytes('What it could give away without swapping'),
      rss: kibibytes('What its process on the host has resident'),
      disk_caches: kibibytes('Its page cache'),
      hugetlb_pgalloc: counter('1', 'Huge pages that it got'),
      hugetlb_pgfail: counter('1', 'Huge pages that it did not get'),
      last_update: gauge('int', 's', 'When it told this, since 1970'),
    },
  },
  libvirt_vcpu_total: {
    help: 'How many processors a guest has.',
    tags: DOMAIN,
    fields: { current: gauge('int', 'cpus', 'Processors that it has now'), maximum: gauge('int', 'cpus', 'The most that it may have') },
  },
  libvirt_vcpu: {
    help: 'A processor of a guest.',
    tags: { ...DOMAIN, vcpu_id: 'Its number' },
    fields: {
      state: state('int', '0 offline, 1 running, 2 blocked (virVcpuState)'),
      time: counter('ns', 'Time that it ran'),
      wait: counter('ns', 'Time that it waited for input and output'),
      delay: counter('ns', 'Time that it waited for a processor of the host'),
      halted: state('string', 'yes: it has nothing to do'),
      halted_i: state('int', 'The same as a number'),
    },
  },
  libvirt_net_total: count('network interfaces'),
  libvirt_net: {
    help: 'A network interface of a guest, as the host sees it.',
    tags: { ...DOMAIN, interface_id: 'Its number' },
    fields: {
      name: state('string', 'Its name on the host'),
      ...directions('rx', 'Received'),
      ...directions('tx', 'Sent'),
    },
  },
  libvirt_block_total: count('disks'),
  libvirt_block: {
    help: 'A disk of a guest.',
    tags: { ...DOMAIN, block_id: 'Its number' },
    fields: {
      name: state('string', 'Its name in the guest'),
      path: state('string', 'Where it lies on the host'),
      backingIndex: state('int', 'Its number among those that lie below one another'),
      rd_reqs: counter('requests', 'Reads'),
      rd_bytes: counter('bytes', 'Read'),
      rd_times: counter('ns', 'Time of reading'),
      wr_reqs: counter('requests', 'Writes'),
      wr_bytes: counter('bytes', 'Written'),
      wr_times: counter('ns', 'Time of writing'),
      fl_reqs: counter('requests', 'Flushes'),
      fl_times: counter('ns', 'Time of flushing'),
      errors: counter('1', 'Requests without a free buffer (Xen)'),
      allocation: gauge('int', 'bytes', 'Up to where it is written'),
      capacity: gauge('int', 'bytes', 'Size that the guest sees'),
      physical: gauge('int', 'bytes', 'Size of its file'),
      threshold: gauge('int', 'bytes', 'Where libvirt tells that it fills up'),
    },
  },
  libvirt_iothread_total: count('threads for input and output'),
  libvirt_iothread: {
    help: 'A thread of a guest for input and output.',
    tags: { ...DOMAIN, iothread_id: 'Its number' },
    fields: {
      poll_max_ns: gauge('int', 'ns', 'Longest time that it polls; 0: it does not'),
      poll_grow: gauge('int', '1', 'How this grows; 0: by the hypervisor'),
      poll_shrink: gauge('int', '1', 'How this shrinks; 0: by the hypervisor'),
    },
  },
  libvirt_perf: {
    help: 'Performance counters of a guest; of those that are turned on for it.',
    tags: DOMAIN,
    fields: {
      cmt: gauge('int', 'bytes', 'Cache of the host that it uses'),
      ...events('mbmt mbml cpu_cycles instructions cache_references cache_misses branch_instructions branch_misses bus_cycles'),
      ...events('stalled_cycles_frontend stalled_cycles_backend ref_cpu_cycles cpu_clock task_clock page_faults page_faults_min'),
      ...events('page_faults_maj context_switches cpu_migrations alignment_faults emulation_faults'),
    },
  },
  libvirt_dirtyrate: {
    help: 'How fast a guest writes to its memory; of one of which it was last measured (virsh domdirtyrate-calc).',
    tags: DOMAIN,
    fields: {
      calc_status: state('int', '0 not begun, 1 being measured, 2 measured'),
      calc_start_time: gauge('int', 's', 'When that began, since the host was started'),
      calc_period: gauge('int', 's', 'For how long'),
      megabytes_per_second: gauge('int', '1', 'MiB a second'),
      calc_mode: state('string', 'How: page-sampling, dirty-bitmap or dirty-ring'),
    },
  },
  libvirt_dirtyrate_vcpu: {
    help: 'The same of one processor.',
    tags: { ...DOMAIN, vcpu_id: 'Its number' },
    fields: { megabytes_per_second: gauge('int', '1', 'MiB a second') },
  },
};

function directions(name: string, verb: string): Record<string, FieldDeclaration> {
  return {
    [`${name}_bytes`]: counter('bytes', verb),
    [`${name}_pkts`]: counter('packets', verb),
    [`${name}_errs`]: counter('packets', `${verb} with an error`),
    [`${name}_drop`]: counter('packets', `${verb} and thrown away`),
  };
}
