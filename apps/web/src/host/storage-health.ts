import type { HostDetail, Row } from '../api/types.ts';
import { bytes, count, DASH, DEGREE, type Quantity, whole } from '../format/number.ts';
import { span } from '../format/time.ts';
import { numberOf, rowsOf, textOf } from './rows.ts';
import {
  attention,
  crit,
  currentRows,
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

/** How the disks, pools and arrays of a host are, by the newest sample; a table that has nothing to show is left out. */
export function storageHealth(detail: HostDetail | null): TableModel[] {
  return [smart(detail), pools(detail), devices(detail), arrays(detail)].filter((table) => table !== null);
}

const HOUR = 3600;
const DAY = 24 * HOUR;
/** Debian scrubs once a month; the alert `scrub_overdue` says the same. */
const SCRUB_LATE = 35 * DAY;
const YEAR_HOURS = 8766;

const nothing: Quantity = { text: DASH, unit: '' };
const flag = (row: Row, field: string): boolean | null => {
  const value = row.fields[field];
  return typeof value === 'boolean' ? value : null;
};
const positive = (row: Row, field: string): number => Math.max(0, numberOf(row, field) ?? 0);

/** How a disk is, by what it says of itself. */
export function diskState(row: Row): State {
  if (flag(row, 'health_ok') === false) return crit('Failing');
  if (positive(row, 'attributes_failing') > 0) return crit('Below threshold');
  if (positive(row, 'critical_warning') > 0) return crit('Critical warning');
  const bad = [
    ['pending_sector_count', 'pending'],
    ['uncorrectable_sector_count', 'unreadable'],
    ['reallocated_sectors_count', 'reallocated'],
    ['media_errors', 'media errors'],
    ['scsi_grown_defect_list', 'defects'],
  ].find(([field = '']) => positive(row, field) > 0);
  if (bad !== undefined) return warn(`${whole(numberOf(row, bad[0] ?? ''))} ${bad[1]}`);
  const worn = numberOf(row, 'percentage_used') ?? numberOf(row, 'endurance_used');
  if (worn !== null && worn >= 90) return warn(`${whole(worn)} % worn`);
  if (flag(row, 'self_test_passed') === false) return warn('Self-test failed');
  if (flag(row, 'health_ok') === null) return quiet(/^(STANDBY|SLEEP)/.test(textOf(row, 'power_mode')) ? 'Asleep' : 'Unknown', 'stale');
  return OK;
}

function smart(detail: HostDetail | null): TableModel | null {
  const rows = worstFirst(
    [...rowsOf(detail, 'smartctl')].sort((a, b) => (a.tags['name'] ?? '').localeCompare(b.tags['name'] ?? '')),
    diskState,
  );
  if (rows.length === 0) return null;
  return {
    title: 'SMART',
    said: attention(rows.map(diskState)),
    time: detail?.latest['smartctl']?.time ?? null,
    heads: heads('Disk', 'State', 'Model', ['Size'], ['Temp'], ['On'], ['Worn'], 'Serial'),
    rows: rows.map((row) => {
      const celsius = numberOf(row, 'temperature');
      const hours = numberOf(row, 'power_on_hours');
      const worn = numberOf(row, 'percentage_used') ?? numberOf(row, 'endurance_used');
      const { name = '', type = '', model = '', serial = '' } = row.tags;
      return {
        key: `${name} ${type} ${serial}`,
        cells: [
          machine(type.includes(',') ? `${name.replace('/dev/', '')} ${type}` : name.replace('/dev/', '')),
          stateCell(diskState(row)),
          words(model),
          figureCell(bytes(numberOf(row, 'capacity'))),
          figureCell(celsius === null ? nothing : { text: whole(celsius), unit: DEGREE }),
          figureCell(
            hours === null
              ? nothing
              : hours >= YEAR_HOURS
                ? { text: (hours / YEAR_HOURS).toFixed(1), unit: 'years' }
                : { text: span(hours * HOUR), unit: '' },
          ),
          figureCell(worn === null ? nothing : { text: whole(worn), unit: '%' }),
          machine(serial, true),
        ],
      };
    }),
  };
}

const BROKEN = ['FAULTED', 'UNAVAIL', 'SUSPENDED', 'REMOVED'];

/** How a pool or a device of one is, by the words of ZFS. */
export function zfsState(health: string): State {
  const word = health === '' ? 'Unknown' : `${health.slice(0, 1)}${health.slice(1).toLowerCase()}`;
  if (health === 'ONLINE' || health === 'AVAIL' || health === 'INUSE') return { ...OK, text: word };
  return BROKEN.includes(health) ? crit(word) : warn(word);
}

function poolState(row: Row): State {
  const state = zfsState(textOf(row, 'health'));
  if (state.tone !== '') return state;
  const errors = positive(row, 'errors');
  if (errors > 0) return crit(`${whole(errors)} damaged`);
  const failed = positive(row, 'read_errors') + positive(row, 'write_errors') + positive(row, 'checksum_errors');
  return failed > 0 ? warn(count(failed, 'error')) : state;
}

/** When the pool was scrubbed last, and how that ended. ZFS forgets the last scrub when it resilvers. */
export function scrubState(row: Row): State {
  const state = textOf(row, 'scrub_state');
  const age = numberOf(row, 'scrub_age');
  const errors = positive(row, 'scrub_errors');
  if (state === 'running') return quiet(`Running, ${whole(numberOf(row, 'scrub_percent') ?? 0)} %`, 'pending');
  if (age === null) return state === 'canceled' ? warn('Canceled') : quiet(state === 'paused' ? 'Paused' : 'None known', 'nodata');
  const ago = `${span(age)} ago`;
  if (errors > 0) return crit(`${ago}, ${count(errors, 'error')}`);
  return age > SCRUB_LATE ? warn(ago) : { ...OK, text: ago };
}

function pools(detail: HostDetail | null): TableModel | null {
  const rows = worstFirst(rowsOf(detail, 'zpool'), poolState);
  if (rows.length === 0) return null;
  return {
    title: 'ZFS pools',
    said: attention(rows.map(poolState)),
    time: detail?.latest['zpool']?.time ?? null,
    heads: heads('Pool', 'State', 'Used', ['Free'], ['Size'], ['Fragmented'], 'Scrub', 'Resilver'),
    rows: rows.map((row) => {
      const resilver = numberOf(row, 'resilver_percent');
      const fragments = numberOf(row, 'fragmentation_percent');
      return {
        key: row.tags['pool'] ?? '',
        cells: [
          machine(row.tags['pool'] ?? ''),
          stateCell(poolState(row)),
          { kind: 'level', percent: numberOf(row, 'capacity_percent'), limit: 80 },
          figureCell(bytes(numberOf(row, 'free'))),
          figureCell(bytes(numberOf(row, 'size'))),
          figureCell(fragments === null ? nothing : { text: whole(fragments), unit: '%' }),
          stateCell(scrubState(row)),
          resilver === null ? words(DASH, { quiet: true }) : stateCell(quiet(`Running, ${whole(resilver)} %`, 'pending')),
        ],
      };
    }),
  };
}

function deviceState(row: Row): State {
  const state = zfsState(textOf(row, 'state'));
  const failed = positive(row, 'read_errors') + positive(row, 'write_errors') + positive(row, 'checksum_errors');
  return state.tone === '' && failed > 0 ? warn(`${state.text}, ${count(failed, 'error')}`) : state;
}

/** Devices of the pools, only while one of them is not well: what is well says nothing that its pool does not. */
function devices(detail: HostDetail | null): TableModel | null {
  const rows = worstFirst(currentRows(detail, 'zpool_vdev', 'zpool'), deviceState).filter((row) => deviceState(row).tone !== '');
  if (rows.length === 0) return null;
  return {
    title: 'ZFS devices',
    said: 'that are not well',
    time: detail?.latest['zpool_vdev']?.time ?? null,
    heads: heads('Device', 'Pool', 'State', ['Read errors'], ['Write errors'], ['Checksum errors']),
    rows: rows.map((row) => ({
      key: `${row.tags['pool']} ${row.tags['vdev']}`,
      cells: [
        machine(row.tags['vdev'] ?? ''),
        machine(row.tags['pool'] ?? '', true),
        stateCell(deviceState(row)),
        ...['read_errors', 'write_errors', 'checksum_errors'].map((field) => {
          const n = numberOf(row, field);
          return figureCell({ text: whole(n), unit: '' }, n ? 't-warn' : '');
        }),
      ],
    })),
  };
}

/** How a software RAID array is. */
export function arrayState(row: Row): State {
  const [down, failed] = [positive(row, 'DisksDown'), positive(row, 'DisksFailed')];
  const activity = textOf(row, 'ActivityState');
  if (activity === 'inactive') return crit('Inactive');
  const busy = ['recovering', 'resyncing', 'checking', 'reshaping', 'repairing'].includes(activity)
    ? `${activity.slice(0, 1).toUpperCase()}${activity.slice(1)}, ${whole(numberOf(row, 'BlocksSyncedPct') ?? 0)} %`
    : null;
  if (down > 0) return crit(busy === null ? `Degraded, ${whole(down)} missing` : `Degraded. ${busy}`);
  if (failed > 0) return warn(`${whole(failed)} failed`);
  return busy === null ? OK : quiet(busy, 'pending');
}

function arrays(detail: HostDetail | null): TableModel | null {
  const rows = worstFirst(rowsOf(detail, 'mdstat'), arrayState);
  if (rows.length === 0) return null;
  return {
    title: 'RAID arrays',
    said: attention(rows.map(arrayState)),
    time: detail?.latest['mdstat']?.time ?? null,
    heads: heads('Array', 'State', 'Level', ['Size'], ['Members'], ['Spares'], 'Devices'),
    rows: rows.map((row) => {
      const blocks = numberOf(row, 'BlocksTotal');
      const [active, total] = [numberOf(row, 'DisksActive'), numberOf(row, 'DisksTotal')];
      return {
        key: row.tags['Name'] ?? '',
        cells: [
          machine(row.tags['Name'] ?? ''),
          stateCell(arrayState(row)),
          words(textOf(row, 'Level') || DASH, { quiet: true }),
          figureCell(bytes(blocks === null ? null : blocks * 1024)),
          figureCell({ text: `${whole(active)}/${whole(total)}`, unit: '' }),
          figureCell({ text: whole(numberOf(row, 'DisksSpare')), unit: '' }),
          machine(textOf(row, 'Devices').replaceAll(',', ', '), true),
        ],
      };
    }),
  };
}
