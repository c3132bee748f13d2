import type { HostDetail, Row } from '../api/types.ts';
import { bytes, DASH, percent, type Quantity } from '../format/number.ts';
import { span } from '../format/time.ts';
import { numberOf, ratesLike, rowsOf, textOf } from './rows.ts';
import {
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

const word = (text: string): string => text.replaceAll('_', ' ').replace(/^./, (letter) => letter.toUpperCase());

/** How a guest is, by the words of Proxmox VE or libvirt. */
export function guestState(status: string): State {
  if (status === 'running') return { ...OK, text: 'Running' };
  if (/crashed|error/.test(status)) return crit(word(status));
  if (status === '') return { glyph: 'nodata', tone: '', text: 'Unknown' };
  return quiet(word(status), /paused|suspend|migrat|blocked|shutdown$/.test(status) ? 'pending' : 'off');
}

/** How the last backup of a guest went, and when; null: nothing is known of any. */
export function backupState(row: Row | undefined): State | null {
  if (row === undefined) return null;
  const age = numberOf(row, 'age');
  const result = textOf(row, 'result') || textOf(row, 'status');
  const ago = age === null ? '' : `${span(age)} ago`;
  if (result !== '' && !/^(ok|success)$/i.test(result)) return crit(`${word(result)}${ago === '' ? '' : `, ${ago}`}`);
  if (age === null) return null;
  return age > BACKUP_LATE ? warn(ago) : { ...OK, text: ago };
}

function proxmoxGuests(detail: HostDetail | null): Guest[] {
  const backups = rowsOf(detail, 'proxmox_backup');
  return rowsOf(detail, 'proxmox').map((row) => {
    const id = row.tags['vm_id'] ?? textOf(row, 'vm_id');
    const load = numberOf(row, 'cpuload');
    const running = textOf(row, 'status') === 'running';
    return {
      key: `proxmox ${row.tags['node_fqdn']} ${id} ${row.tags['vm_name']}`,
      ...{ id, name: row.tags['vm_name'] ?? '', kind: row.tags['vm_type'] === 'lxc' ? 'container' : 'machine' },
      state: guestState(textOf(row, 'status')),
      cpu: load === null || !running ? null : load * 100,
      memory: { used: running ? numberOf(row, 'mem_used') : null, total: numberOf(row, 'mem_total') },
      uptime: running ? numberOf(row, 'uptime') : null,
      backup: backupState(backups.find(({ tags }) => tags['vm_id'] === id)),
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
      ...{ key: `libvirt ${name}`, id: '', name, kind: 'machine', state: guestState(textOf(row, 'state')) },
      cpu: busy === null || !cores ? null : busy / 1e7 / cores,
      memory: { used: bytesOf('rss'), total: bytesOf('current') },
      ...{ uptime: null, backup: null },
    };
  });
}

export function guestTables(detail: HostDetail | null): TableModel[] {
  const guests = [...proxmoxGuests(detail), ...libvirtGuests(detail)].sort(
    (a, b) => a.name.localeCompare(b.name) || a.id.localeCompare(b.id),
  );
  if (guests.length === 0) return [];
  const running = guests.filter(({ state }) => state.text === 'Running').length;
  const numbered = guests.some(({ id }) => id !== '');
  const backed = guests.some(({ backup }) => backup !== null);
  return [
    {
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
    },
  ];
}
