import type { HostDetail, Row } from '../api/types.ts';
import { bytes, DASH, percent, type Quantity } from '../format/number.ts';
import { span } from '../format/time.ts';
import { numberOf, ratesLike, rowsOf, textOf } from './rows.ts';
import {
  asWords,
  attention,
  crit,
  figureCell,
  heads,
  machine,
  OK,
  quiet,
  type State,
  stateCell,
  type TableModel,
  warn,
  words,
  worstFirst,
} from './table-model.ts';

/** Virtual machines and system containers that run on a host, and the backups of them. */

/** Collectors that bring guests, and the measurements with a row for each. */
export const GUESTS = ['proxmox', 'libvirt'] as const;
export const GUEST_ROWS = ['proxmox', 'libvirt_state'] as const;

interface Guest {
  readonly key: string;
  readonly name: string;
  readonly id: string;
  readonly kind: string;
  readonly state: State;
  /** Percent of what it was given. */
  readonly cpu: number | null;
  readonly memory: { readonly used: number | null; readonly total: number | null };
  /** Seconds. */
  readonly uptime: number | null;
  readonly backup: State | null;
}

const BACKUP_LATE = 8 * 86_400;
const KIB = 1024;
const nothing: Quantity = { text: DASH, unit: '' };

/** How a guest is, by the words of Proxmox VE or libvirt. */
export function guestState(status: string): State {
  if (status === 'running') return { ...OK, text: 'Running' };
  if (/crashed|error/.test(status)) return crit(asWords(status));
  if (status === '' || status === 'nostate') return { glyph: 'nodata', tone: '', text: 'Unknown' };
  if (status === 'shutoff') return quiet('Off');
  return quiet(asWords(status), /paused|suspend|migrat|blocked|shutdown$/.test(status) ? 'pending' : 'off');
}

/** How old the newest backup of a guest is, and how the last run of it went; null: nothing is known of any. */
export function backupState(backup: Row | undefined, task: Row | undefined): State | null {
  const age = numberOf(backup, 'age');
  const ago = age === null ? '' : `${span(age)} ago`;
  const failed = numberOf(task, 'result_code');
  if (failed === 2) return crit(`Failed${ago === '' ? '' : `, newest ${ago}`}`);
  if (textOf(backup, 'verified') === 'failed') return crit(`Not valid, ${ago}`);
  if (age === null) return null;
  if (failed === 1) return warn(`With warnings, ${ago}`);
  return age > BACKUP_LATE ? warn(ago) : { ...OK, text: ago };
}

/** A guest that is locked is being worked on, or was left so by what failed. */
function lockState(row: Row): State | null {
  const lock = textOf(row, 'lock');
  return lock === '' ? null : quiet(`${asWords(textOf(row, 'status'))}, locked: ${lock}`, 'pending');
}

function proxmoxGuests(detail: HostDetail | null): Guest[] {
  const of = (measurement: string, id: string): Row | undefined => rowsOf(detail, measurement).find(({ tags }) => tags['vm_id'] === id);
  return rowsOf(detail, 'proxmox').map((row) => {
    const id = row.tags['vm_id'] ?? '';
    const load = numberOf(row, 'cpuload');
    const running = textOf(row, 'status') === 'running';
    return {
      key: `proxmox ${row.tags['node_fqdn']} ${id} ${row.tags['vm_name']}`,
      ...{ id, name: row.tags['vm_name'] ?? '', kind: row.tags['vm_type'] === 'lxc' ? 'container' : 'machine' },
      state: lockState(row) ?? guestState(textOf(row, 'status')),
      cpu: load === null || !running ? null : load * 100,
      memory: { used: running ? numberOf(row, 'mem_used') : null, total: numberOf(row, 'mem_total') },
      uptime: running ? numberOf(row, 'uptime') : null,
      backup: backupState(of('proxmox_backup', id), of('proxmox_backup_task', id) ?? of('proxmox_backup_task', 'all')),
    };
  });
}

function libvirtGuests(detail: HostDetail | null): Guest[] {
  const like = (measurement: string, name: string): Row | undefined =>
    rowsOf(detail, measurement).find(({ tags }) => tags['domain_name'] === name);
  return rowsOf(detail, 'libvirt_state').map((row) => {
    const name = row.tags['domain_name'] ?? '';
    const balloon = like('libvirt_balloon', name);
    const cores = numberOf(like('libvirt_vcpu_total', name), 'current');
    // ns of CPU a second.
    const busy = numberOf(ratesLike(detail, 'libvirt_cpu', 'domain_name', name), 'time');
    const bytesOf = (field: string): number | null => {
      const value = numberOf(balloon, field);
      return value === null ? null : value * KIB;
    };
    return {
      ...{ key: `libvirt ${name}`, id: '', name, kind: 'machine', state: guestState(textOf(row, 'status')) },
      cpu: busy === null || !cores ? null : busy / 1e7 / cores,
      memory: { used: bytesOf('rss'), total: bytesOf('current') },
      ...{ uptime: null, backup: null },
    };
  });
}

export function guestTables(detail: HostDetail | null): TableModel[] {
  return [guestTable(detail), clusterTable(detail), storageTable(detail)].filter((table) => table !== null);
}

function guestTable(detail: HostDetail | null): TableModel | null {
  const guests = [...proxmoxGuests(detail), ...libvirtGuests(detail)].sort(
    (a, b) => a.name.localeCompare(b.name) || a.id.localeCompare(b.id),
  );
  if (guests.length === 0) return null;
  const running = guests.filter(({ state }) => state.text === 'Running').length;
  const numbered = guests.some(({ id }) => id !== '');
  const backed = guests.some(({ backup }) => backup !== null);
  return {
    title: 'Guests',
    said: `${running} of ${guests.length} running`,
    time: Math.max(...GUEST_ROWS.map((name) => detail?.latest[name]?.time ?? 0)),
    heads: heads(
      ...['Name', ...(numbered ? ['Id'] : []), 'Kind', 'State'],
      ...([['CPU'], ['Memory'], ['Of'], ['Up']] as const),
      ...(backed ? ['Backup'] : []),
    ),
    rows: worstFirst(guests, ({ state, backup }) => (state.tone === '' && backup !== null ? backup : state)).map((guest) => ({
      key: guest.key,
      cells: [
        machine(guest.name),
        ...(numbered ? [machine(guest.id, true)] : []),
        words(guest.kind, { quiet: true }),
        stateCell(guest.state),
        figureCell(percent(guest.cpu)),
        figureCell(bytes(guest.memory.used)),
        figureCell(bytes(guest.memory.total)),
        figureCell(guest.uptime === null ? nothing : { text: span(guest.uptime), unit: '' }),
        ...(backed ? [guest.backup === null ? words('none known', { quiet: true }) : stateCell(guest.backup)] : []),
      ],
    })),
  };
}

/** Does the cluster of this node agree, is Ceph well, are copies made? */
function clusterTable(detail: HostDetail | null): TableModel | null {
  const lines: { readonly what: string; readonly state: State; readonly more: string }[] = [];
  for (const row of rowsOf(detail, 'proxmox_cluster')) {
    const [nodes, online] = [numberOf(row, 'nodes') ?? 0, numberOf(row, 'nodes_online') ?? 0];
    const text = `${online} of ${nodes} nodes`;
    const state = row.fields['quorate'] === false ? crit(`No quorum, ${text}`) : online < nodes ? warn(text) : { ...OK, text };
    const missing = textOf(row, 'nodes_offline');
    lines.push({ what: `Cluster ${row.tags['cluster'] ?? ''}`, state, more: missing === '' ? '' : `offline: ${missing}` });
  }
  for (const row of rowsOf(detail, 'proxmox_ceph')) {
    const text = asWords(
      textOf(row, 'health')
        .replace(/^HEALTH_/, '')
        .toLowerCase(),
    );
    const code = numberOf(row, 'health_code') ?? 0;
    lines.push({ what: 'Ceph', state: code >= 2 ? crit(text) : code === 1 ? warn(text) : OK, more: textOf(row, 'checks') });
  }
  for (const row of rowsOf(detail, 'proxmox_replication')) {
    const age = numberOf(row, 'last_sync_age');
    const ago = age === null ? 'never' : `${span(age)} ago`;
    const state = textOf(row, 'state');
    lines.push({
      what: `Replication of ${row.tags['vm_id'] ?? ''} to ${row.tags['target'] ?? ''}`,
      state: state === 'failed' ? crit(`Failed, newest ${ago}`) : state === 'disabled' ? quiet('Disabled') : { ...OK, text: ago },
      more: textOf(row, 'error'),
    });
  }
  if (lines.length === 0) return null;
  const measurements = ['proxmox_cluster', 'proxmox_ceph', 'proxmox_replication'];
  return {
    title: 'Cluster',
    said: attention(lines.map(({ state }) => state)),
    time: Math.max(...measurements.map((name) => detail?.latest[name]?.time ?? 0)),
    heads: heads('What', 'State', 'More'),
    rows: worstFirst(lines, ({ state }) => state).map(({ what, state, more }) => ({
      key: what,
      cells: [words(what), stateCell(state), words(more || DASH, { quiet: true })],
    })),
  };
}

function storageTable(detail: HostDetail | null): TableModel | null {
  const stateOf = (row: Row): State => (row.fields['active'] === false ? warn(asWords(textOf(row, 'status')) || 'Not active') : OK);
  const rows = worstFirst(rowsOf(detail, 'proxmox_storage'), stateOf);
  if (rows.length === 0) return null;
  return {
    title: 'Storages of Proxmox VE',
    said: attention(rows.map(stateOf)),
    time: detail?.latest['proxmox_storage']?.time ?? null,
    heads: heads('Storage', 'State', 'Used', ['Free'], ['Size'], 'Type', 'For'),
    rows: rows.map((row) => ({
      key: row.tags['storage'] ?? '',
      cells: [
        machine(row.tags['storage'] ?? ''),
        stateCell(stateOf(row)),
        { kind: 'level', percent: numberOf(row, 'disk_used_percentage') },
        figureCell(bytes(numberOf(row, 'disk_free'))),
        figureCell(bytes(numberOf(row, 'disk_total'))),
        words(row.tags['type'] ?? '', { quiet: true }),
        words(textOf(row, 'content').replaceAll(',', ', ') || DASH, { quiet: true }),
      ],
    })),
  };
}
