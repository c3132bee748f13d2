import { AccessError } from '@hostwire/host-access';
import Type from 'typebox';
import { type CollectContext, type CollectedRows, defineCollector } from '../collector.ts';
import { isAbsent } from '../proc-text.ts';
import { askOrReport, askPvesh, probePvesh, pveshNeed, readNodeName } from '../pvesh.ts';
import { MEASUREMENTS } from './declaration.ts';
import { parseCephStatus, parseClusterStatus, parseResources } from './parse.ts';

const RESOURCES = '/cluster/resources';
const CLUSTER = '/cluster/status';
const CEPH = '/cluster/ceph/status';
/** A link to a file of the cluster, which the set-up of Ceph makes on each of its nodes. */
const CEPH_CONFIG = '/etc/ceph/ceph.conf';

export const proxmox = defineCollector({
  name: 'proxmox',
  tier: 'medium',
  help: 'A node of Proxmox VE: its guests, storages, cluster and Ceph.',
  needs: { commands: ['/version', RESOURCES, CLUSTER, CEPH].map((path) => pveshNeed(path)), files: ['/etc/pve', CEPH_CONFIG] },
  measurements: MEASUREMENTS,
  options: Type.Object({
    timeout_seconds: Type.Number({
      remote: true,
      minimum: 0.1,
      maximum: 300,
      default: 90,
      description: 'After this it is given up and reported; one question takes a second, and longer where a storage is gone',
    }),
  }),
  probe: (access) => probePvesh(access),
  async collect(context) {
    const { access, signal } = context;
    const node = await readNodeName(access, signal);
    const { guests, node: own, storages } = parseResources(await askPvesh(access, [RESOURCES], { signal }), node);
    const rows: CollectedRows = { proxmox: [...guests], proxmox_node: [...own], proxmox_storage: [...storages] };
    rows['proxmox_cluster'] = await askOrReport(context, [CLUSTER], parseClusterStatus);
    if (await hasCeph(context)) rows['proxmox_ceph'] = await askOrReport(context, [CEPH], parseCephStatus);
    return rows;
  },
});

async function hasCeph({ access, signal }: CollectContext): Promise<boolean> {
  try {
    await access.readLink(CEPH_CONFIG, { signal });
    return true;
  } catch (error) {
    if (error instanceof AccessError && (isAbsent(error) || error.code === 'EINVAL')) return false;
    throw error;
  }
}
