import type { FieldValue, Row } from '@hostwire/model';
import type { CollectedRows } from '../collector.ts';
import { ParseError, parseCounter, quote } from '../proc-text.ts';
import { MEASUREMENTS } from './declaration.ts';

/** virDomainState, in the order of its numbers. */
const STATES = ['nostate', 'running', 'blocked', 'paused', 'shutdown', 'shutoff', 'crashed', 'pmsuspended'];

/** Tag that numbers what a guest has several of. */
const IDS: Readonly<Record<string, string>> = { vcpu: 'vcpu_id', net: 'interface_id', block: 'block_id', iothread: 'iothread_id' };

/**
 * What `virsh domstats --raw` prints: a line `Domain: 'NAME'`, then `  group.name=value` for each, of at most `most` guests.
 * A key that is not known is passed over, as is a value that is no whole number where one should be. Throws ParseError.
 */
export function parseDomstats(text: string, most: number): { readonly rows: CollectedRows; readonly domains: number } {
  const rows: Record<string, Map<string, Row>> = {};
  const domains = new Set<string>();
  let domain: string | undefined;
  for (const line of text.split('\n')) {
    const [, name] = /^Domain: '(.*)'$/.exec(line) ?? [];
    const [, key, value] = /^ {2}([a-z][A-Za-z0-9._-]*)=(.*)$/.exec(line) ?? [];
    if (name !== undefined) {
      domain = name;
      domains.add(name);
    } else if (domain === undefined) {
      if (line.trim() !== '') throw new ParseError(`virsh domstats: ${quote(line)} is not a domain`);
    } else if (key !== undefined && value !== undefined && domains.size <= most) {
      take(rows, domain, key, value);
    }
  }
  return {
    rows: Object.fromEntries(Object.entries(rows).map(([measurement, of]) => [measurement, [...of.values()]])),
    domains: domains.size,
  };
}

function take(rows: Record<string, Map<string, Row>>, domain: string, key: string, value: string): void {
  const { measurement, field, id } = locate(key);
  const declared = MEASUREMENTS[measurement]?.fields;
  const type = declared !== undefined && Object.hasOwn(declared, field) ? declared[field]?.type : undefined;
  if (type === undefined) return;
  const taken = type === 'string' ? value : toCounter(value);
  if (taken === undefined) return;
  const of = rows[measurement] ?? new Map<string, Row>();
  rows[measurement] = of;
  const at = JSON.stringify([domain, id]);
  const row = of.get(at) ?? { tags: { domain_name: domain, ...id }, fields: {} };
  of.set(at, row);
  const fields = row.fields as Record<string, FieldValue>;
  fields[field] = taken;
  if (measurement === 'libvirt_state' && field === 'state') fields['status'] = STATES[Number(taken)] ?? 'unknown';
  if (measurement === 'libvirt_vcpu' && field === 'halted') fields['halted_i'] = value === 'yes' ? 1 : 0;
}

/** `net.0.rx.bytes` -> libvirt_net, rx_bytes, interface_id 0. */
function locate(key: string): { readonly measurement: string; readonly field: string; readonly id: Readonly<Record<string, string>> } {
  const [group = '', second = '', ...rest] = key.split('.');
  const isDirtyVcpu = group === 'dirtyrate' && second === 'vcpu';
  const [number, ...names] = isDirtyVcpu ? rest : [second, ...rest];
  const tag = isDirtyVcpu ? 'vcpu_id' : IDS[group];
  const toField = (parts: readonly string[]) => parts.join('_').replaceAll('-', '_');
  if (tag === undefined) return { measurement: `libvirt_${group}`, field: toField([second, ...rest]), id: {} };
  if (number === undefined || !/^[0-9]{1,9}$/.test(number)) {
    return { measurement: `libvirt_${group}_total`, field: toField([second, ...rest]), id: {} };
  }
  return { measurement: `libvirt_${group}${isDirtyVcpu ? '_vcpu' : ''}`, field: toField(names), id: { [tag]: number } };
}

function toCounter(value: string): number | bigint | undefined {
  return /^[0-9]{1,20}$/.test(value) ? parseCounter(value, 'virsh domstats') : undefined;
}
