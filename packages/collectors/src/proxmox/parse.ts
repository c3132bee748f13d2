import type { FieldValue, Row } from '@hostwire/model';
import { countOf, isPveObject, isSet, numberOf, type PveObject, parsePveList, parsePveObject, putKnown, textOf } from '../pvesh.ts';

/** What `/cluster/resources` says of one node, its guests and its storages. */
export interface NodeResources {
  /** Without templates. */
  readonly guests: readonly Row[];
  readonly node: readonly Row[];
  readonly storages: readonly Row[];
}

/** `GET /cluster/resources`, of which only what is of this node: each node tells of its own. Throws ParseError. */
export function parseResources(text: string, node: string): NodeResources {
  const own = parsePveList(text, '/cluster/resources').filter((entry) => entry['node'] === node);
  const of = (...types: string[]) => own.filter(({ type }) => types.includes(textOf(type)));
  return {
    guests: of('qemu', 'lxc')
      .filter(({ template }) => !isSet(template))
      .map((guest) => toGuest(guest, node)),
    node: of('node').map((entry) => ({ tags: { node }, fields: toNode(entry) })),
    storages: of('storage').map((entry) => toStorage(entry, node)),
  };
}

function toGuest(guest: PveObject, node: string): Row {
  const fields: Record<string, FieldValue> = {};
  putKnown(fields, {
    status: textOf(guest['status']),
    lock: textOf(guest['lock']),
    ha_state: textOf(guest['hastate']),
    uptime: countOf(guest['uptime']),
    cpus: countOf(guest['maxcpu']),
    cpuload: numberOf(guest['cpu']),
    ...share('mem', countOf(guest['mem']), countOf(guest['maxmem'])),
    ...share('disk', countOf(guest['disk']), countOf(guest['maxdisk'])),
    disk_read_bytes: countOf(guest['diskread']),
    disk_write_bytes: countOf(guest['diskwrite']),
    net_in_bytes: countOf(guest['netin']),
    net_out_bytes: countOf(guest['netout']),
  });
  const id = textOf(guest['vmid']);
  return { tags: { node_fqdn: node, vm_id: id, vm_name: textOf(guest['name']) || id, vm_type: textOf(guest['type']) }, fields };
}

/** `mem_used`, `mem_total`, `mem_free` and `mem_used_percentage`, as Telegraf has them; what is not known is undefined. */
function share(name: string, used: number | undefined, total: number | undefined): Record<string, number | undefined> {
  const both = used !== undefined && total !== undefined;
  return {
    [`${name}_used`]: used,
    [`${name}_total`]: total,
    [`${name}_free`]: both ? Math.max(0, total - used) : undefined,
    [`${name}_used_percentage`]: both ? (total === 0 ? 0 : (used / total) * 100) : undefined,
  };
}

function toNode(entry: PveObject): Record<string, FieldValue> {
  const fields: Record<string, FieldValue> = {};
  putKnown(fields, {
    status: textOf(entry['status']),
    uptime: countOf(entry['uptime']),
    cpus: countOf(entry['maxcpu']),
    cpuload: numberOf(entry['cpu']),
    ...share('mem', countOf(entry['mem']), countOf(entry['maxmem'])),
    ...share('disk', countOf(entry['disk']), countOf(entry['maxdisk'])),
  });
  return fields;
}

function toStorage(entry: PveObject, node: string): Row {
  const fields: Record<string, FieldValue> = { shared: isSet(entry['shared']), active: entry['status'] === 'available' };
  putKnown(fields, {
    status: textOf(entry['status']),
    content: textOf(entry['content']),
    ...share('disk', countOf(entry['disk']), countOf(entry['maxdisk'])),
  });
  return { tags: { node, storage: textOf(entry['storage']), type: textOf(entry['plugintype']) }, fields };
}

/** `GET /cluster/status`: one row, or none of a node that is in no cluster. Throws ParseError. */
export function parseClusterStatus(text: string): Row[] {
  const entries = parsePveList(text, '/cluster/status');
  const cluster = entries.find(({ type }) => type === 'cluster');
  if (cluster === undefined) return [];
  const nodes = entries.filter(({ type }) => type === 'node');
  const offline = nodes.filter(({ online }) => !isSet(online)).map(({ name }) => textOf(name));
  const fields: Record<string, FieldValue> = {
    quorate: isSet(cluster['quorate']),
    nodes: countOf(cluster['nodes']) ?? nodes.length,
    nodes_online: nodes.length - offline.length,
    nodes_offline: offline.sort().join(' '),
  };
  return [{ tags: { cluster: textOf(cluster['name']) }, fields }];
}

/** In the order of their codes. */
const HEALTH = ['HEALTH_OK', 'HEALTH_WARN', 'HEALTH_ERR'];

/** `GET /cluster/ceph/status`: what `ceph status --format json` says. Throws ParseError. */
export function parseCephStatus(text: string): Row[] {
  const status = parsePveObject(text, '/cluster/ceph/status');
  const part = (of: PveObject, name: string): PveObject => (isPveObject(of[name]) ? of[name] : {});
  const health = part(status, 'health');
  // Before Ceph 15 the numbers stand one level deeper.
  const osdmap = { ...part(status, 'osdmap'), ...part(part(status, 'osdmap'), 'osdmap') };
  const pgmap = part(status, 'pgmap');
  const states = Array.isArray(pgmap['pgs_by_state']) ? pgmap['pgs_by_state'].filter(isPveObject) : [];
  const clean = states.filter(({ state_name }) => state_name === 'active+clean');
  const code = HEALTH.indexOf(textOf(health['status']));
  const { bytes_used, bytes_total } = pgmap;
  const used = countOf(bytes_used);
  const total = countOf(bytes_total);
  const fields: Record<string, FieldValue> = {};
  putKnown(fields, {
    health: textOf(health['status']),
    health_code: code < 0 ? undefined : code,
    checks: Object.keys(part(health, 'checks')).sort().join(' '),
    monitors: countOf(part(status, 'monmap')['num_mons']),
    monitors_in_quorum: Array.isArray(status['quorum_names']) ? status['quorum_names'].length : undefined,
    osds: countOf(osdmap['num_osds']),
    osds_up: countOf(osdmap['num_up_osds']),
    osds_in: countOf(osdmap['num_in_osds']),
    pgs: countOf(pgmap['num_pgs']),
    pgs_clean: states.length === 0 ? undefined : clean.reduce((sum, { count }) => sum + (countOf(count) ?? 0), 0),
    degraded_percentage: times100(pgmap['degraded_ratio']),
    misplaced_percentage: times100(pgmap['misplaced_ratio']),
    ...share('bytes', used, total),
  });
  return [{ fields }];
}

function times100(ratio: unknown): number | undefined {
  const number = numberOf(ratio);
  return number === undefined ? undefined : number * 100;
}
