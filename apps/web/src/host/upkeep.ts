import type { HostDetail, Row } from '../api/types.ts';
import { figure, type Quantity, whole } from '../format/number.ts';
import { numberOf, rowsOf, textOf } from './rows.ts';
import {
  attention,
  type Cell,
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

/** What the rail says of a host's fans, voltages, throttling and updates; a table that has nothing to show is left out. */
export function upkeepTables(detail: HostDetail | null): TableModel[] {
  return [upkeep(detail), sensors(detail)].filter((table) => table !== null);
}

/** Kinds of hwmon features that are shown, in this order, with their units. Temperatures have a chart. */
const KINDS: readonly (readonly [kind: string, unit: string, integer: boolean])[] = [
  ['fan', 'rpm', true],
  ['in', 'V', false],
  ['curr', 'A', false],
  ['power', 'W', false],
];

interface Sensor {
  readonly name: string;
  readonly chip: string;
  readonly q: Quantity;
  readonly state: State;
}

/** A chip says itself that something is wrong; a fan that should turn and does not is wrong as well. */
export function sensorState(row: Row, kind: string): State {
  const number = (field: string): number | null => numberOf(row, `${kind}_${field}`);
  if (number('fault') === 1) return crit('Broken');
  const value = number('input');
  const [low, high] = [number('lcrit') ?? number('min'), number('crit') ?? number('max')];
  if (kind === 'fan' && value === 0 && (low ?? 0) > 0) return crit('Stands still');
  if (['alarm', 'min_alarm', 'max_alarm', 'crit_alarm', 'lcrit_alarm'].some((flag) => number(flag) === 1)) {
    if (value !== null && low !== null && value < low) return warn(`Below ${figure(low)}`);
    if (value !== null && high !== null && value > high) return warn(`Above ${figure(high)}`);
    return warn('Alarm');
  }
  return OK;
}

function sensors(detail: HostDetail | null): TableModel | null {
  const found = KINDS.flatMap(([kind, unit, integer]) =>
    rowsOf(detail, 'sensors').flatMap((row): Sensor[] => {
      const value = numberOf(row, `${kind}_input`) ?? (kind === 'power' ? numberOf(row, 'power_average') : null);
      if (value === null) return [];
      const { feature = '', chip = '' } = row.tags;
      return [{ name: feature, chip, q: { text: integer ? whole(value) : figure(value), unit }, state: sensorState(row, kind) }];
    }),
  );
  if (found.length === 0) return null;
  return {
    title: 'Fans and voltages',
    said: attention(found.map(({ state }) => state)),
    time: detail?.latest['sensors']?.time ?? null,
    heads: heads('Sensor', 'Chip', 'State', ['Now']),
    rows: worstFirst(found, ({ state }) => state).map(({ name, chip, q, state }) => ({
      key: `${chip} ${name} ${q.unit}`,
      cells: [machine(name), machine(chip, true), stateCell(state), figureCell(q, state.tone)],
    })),
  };
}

const THROTTLES: readonly (readonly [field: string, text: string])[] = [
  ['under_voltage', 'Voltage too low'],
  ['throttled', 'Processor slowed down'],
  ['frequency_capped', 'Clock held down'],
  ['soft_temp_limit', 'Slower because it is warm'],
];

const is = (row: Row, field: string): boolean => row.fields[field] === true || numberOf(row, field) === 1;

function upkeep(detail: HostDetail | null): TableModel | null {
  const rows: { readonly key: string; readonly cells: readonly Cell[]; readonly state: State }[] = [];
  const add = (what: string, state: State): void => void rows.push({ key: what, state, cells: [words(what), stateCell(state)] });
  for (const row of rowsOf(detail, 'updates')) {
    const [pending, security] = [numberOf(row, 'pending'), numberOf(row, 'security') ?? 0];
    if (pending !== null) {
      const text =
        pending === 0 ? 'None pending' : `${whole(pending)} pending${security > 0 ? `, ${whole(security)} of them security` : ''}`;
      add(`Updates, ${row.tags['manager'] ?? ''}`, security > 0 ? warn(text) : pending > 0 ? quiet(text, 'info') : { ...OK, text });
    }
    const newest = textOf(row, 'kernel_newest');
    if (is(row, 'reboot_required')) add('Restart', warn(newest === '' ? 'Wanted' : `Wanted, for kernel ${newest}`));
  }
  for (const row of rowsOf(detail, 'rpi_throttled')) {
    for (const [field, text] of THROTTLES) {
      if (is(row, field)) add(text, warn('Now'));
      else if (is(row, `${field}_occurred`)) add(text, quiet('Since the start', 'info'));
    }
  }
  if (rows.length === 0) return null;
  const times = ['updates', 'rpi_throttled'].map((name) => detail?.latest[name]?.time ?? 0);
  return {
    ...{ title: 'Upkeep', said: '', time: Math.max(...times), heads: heads('What', 'State') },
    rows: worstFirst(rows, ({ state }) => state).map(({ key, cells }) => ({ key, cells })),
  };
}
