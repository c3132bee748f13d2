import { failure, fine, type Observation, warning } from './finding.ts';
import { describeDuration } from './units.ts';

/** No clock that is right says less: Hostwire was written later. */
const EARLIEST = Date.UTC(2025, 0, 1);
/** What ingest answers with `clock` instead of storing it. */
const FAR_MS = 10 * 60_000;
const NOTICEABLE_MS = 30_000;
const SET_CLOCK = 'set the clock and keep it right: timedatectl set-ntp true, or install chrony';

/** The clock of this machine by itself. */
export function lookAtClock(now: number): Observation {
  const shown = new Date(now).toISOString();
  if (now < EARLIEST) return failure(`the clock of this machine says ${shown}, which is long past`, SET_CLOCK);
  return fine(`the clock of this machine says ${shown}`);
}

/** This machine's clock beside that of another (ms since the epoch, both of the same moment). `whose` names the other. */
export function compareClocks(ours: number, theirs: number, whose: string): Observation {
  const off = ours - theirs;
  const by = `${describeDuration(off)} ${off > 0 ? 'ahead of' : 'behind'} that of ${whose}`;
  if (Math.abs(off) >= FAR_MS)
    return failure(`the clock of this machine is ${by}: no sample is stored with the time that it says`, SET_CLOCK);
  if (Math.abs(off) >= NOTICEABLE_MS) return warning(`the clock of this machine is ${by}`, SET_CLOCK);
  return fine(`the clock of this machine agrees with that of ${whose}`);
}
