import type { Service } from '../api/types.ts';
import { bytes, DASH, whole } from '../format/number.ts';
import { age, exact } from '../format/time.ts';
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

/** How a unit of systemd is. One that was never started is not broken. */
export function serviceState({ active, sub, load }: Service): State {
  const word = (text: string): string => text.replace(/^./, (letter) => letter.toUpperCase());
  if (active === 'failed') return crit('Failed');
  if (sub === 'auto-restart') return warn('Restarting');
  if (load === 'error' || load === 'bad-setting') return warn(word(load.replace('-', ' ')));
  if (active === 'active') return { ...OK, text: word(sub ?? 'active') };
  if (active === 'activating' || active === 'deactivating' || active === 'reloading') return quiet(word(active), 'pending');
  return quiet(word(active ?? 'unknown'));
}

/** The units of a host, those that are not well first. `now` and `time` in ms. */
export function serviceTable(services: readonly Service[], time: number | null, now: number): TableModel {
  const failed = services.filter(({ active }) => active === 'failed').length;
  const running = services.filter(({ active }) => active === 'active').length;
  return {
    title: 'Services',
    said: `${failed === 0 ? 'none failed' : `${failed} failed`}, ${running} of ${services.length} active`,
    time,
    heads: heads('Unit', 'State', 'Description', ['Memory'], ['Restarts'], ['Active for']),
    rows: worstFirst(services, serviceState).map((one) => ({
      key: one.name,
      cells: [
        machine(one.name),
        stateCell(serviceState(one), [one.load, one.active, one.sub].filter((part) => part !== null).join(', ')),
        words(one.description ?? DASH, { quiet: true }),
        figureCell(bytes(one.memory)),
        figureCell({ text: whole(one.restarts), unit: '' }, one.restarts ? 't-warn' : ''),
        {
          ...figureCell({ text: one.since === null || one.active !== 'active' ? DASH : age(now, one.since), unit: '' }),
          ...(one.since === null ? {} : { title: exact(one.since) }),
        },
      ],
    })),
  };
}
