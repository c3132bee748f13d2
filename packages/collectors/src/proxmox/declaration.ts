import type { FieldDeclaration, MeasurementDeclaration } from '@hostwire/model';
import { counter, gauge, state } from '../declare.ts';

function share(name: string, what: string): Record<string, FieldDeclaration> {
  return {
    [`${name}_used`]: gauge('int', 'bytes', `${what}, used`),
    [`${name}_total`]: gauge('int', 'bytes', `${what}, all of it`),
    [`${name}_free`]: gauge('int', 'bytes', `${what}, free`),
    [`${name}_used_percentage`]: gauge('float', 'percent', `${what}, used, of all of it`),
  };
}

export const MEASUREMENTS: Readonly<Record<string, MeasurementDeclaration>> = {
  proxmox: {
    help: 'A guest of this node, running or not; templates are none.',
    tags: { node_fqdn: 'Name of the node', vm_id: 'Its number', vm_name: 'Its name', vm_type: 'qemu or lxc' },
    fields: {
      status: state('string', 'running or stopped'),
      lock: state('string', 'What has it locked, such as backup or migrate'),
      ha_state: state('string', 'What high availability does with it'),
      uptime: gauge('int', 's', 'How long it runs'),
      cpus: gauge('int', 'cpus', 'Processors that it has'),
      cpuload: { ...gauge('float', '1', 'Of its processors, 0 to 1'), decimals: 5 },
      ...share('mem', 'Memory'),
      ...share('disk', 'Its first disk; of a virtual machine used is 0'),
      disk_read_bytes: counter('bytes', 'Read since it was started'),
      disk_write_bytes: counter('bytes', 'Written since it was started'),
      net_in_bytes: counter('bytes', 'Received since it was started'),
      net_out_bytes: counter('bytes', 'Sent since it was started'),
    },
  },
  proxmox_node: {
    help: 'This node.',
    tags: { node: 'Its name' },
    fields: {
      status: state('string', 'online, offline or unknown'),
      uptime: gauge('int', 's', 'How long it runs'),
      cpus: gauge('int', 'cpus', 'Processors'),
      cpuload: { ...gauge('float', '1', 'Of its processors, 0 to 1'), decimals: 5 },
      ...share('mem', 'Memory'),
      ...share('disk', 'Its root file system'),
    },
  },
  proxmox_storage: {
    help: 'A storage, as this node sees it.',
    tags: { node: 'Name of the node', storage: 'Its name', type: 'dir, zfspool, lvmthin, nfs, pbs ...' },
    fields: {
      status: state('string', 'available, or unknown where it cannot be reached'),
      active: state('bool', 'It can be used'),
      shared: state('bool', 'All nodes have the same'),
      content: state('string', 'What it is for: images, rootdir, backup, iso ...'),
      ...share('disk', 'Space'),
    },
  },
  proxmox_cluster: {
    help: 'The cluster of this node, as this node sees it.',
    tags: { cluster: 'Its name' },
    fields: {
      quorate: state('bool', 'Enough nodes agree: without that nothing can be changed or started'),
      nodes: gauge('int', '1', 'Nodes'),
      nodes_online: gauge('int', '1', 'Nodes that are there'),
      nodes_offline: state('string', 'Names of those that are not'),
    },
  },
  proxmox_ceph: {
    help: 'The Ceph cluster of this node.',
    tags: {},
    fields: {
      health: state('string', 'HEALTH_OK, HEALTH_WARN or HEALTH_ERR'),
      health_code: state('int', 'The same as a number, 0 to 2'),
      checks: state('string', 'What is wrong, by the names of its checks'),
      monitors: gauge('int', '1', 'Monitors'),
      monitors_in_quorum: gauge('int', '1', 'Monitors that agree'),
      osds: gauge('int', '1', 'Disks'),
      osds_up: gauge('int', '1', 'Disks that run'),
      osds_in: gauge('int', '1', 'Disks that are used'),
      pgs: gauge('int', '1', 'Placement groups'),
      pgs_clean: gauge('int', '1', 'Placement groups that are active and clean'),
      degraded_percentage: gauge('float', 'percent', 'Objects that have fewer copies than they should'),
      misplaced_percentage: gauge('float', 'percent', 'Objects that are not where they should be'),
      ...share('bytes', 'Space'),
    },
  },
};
