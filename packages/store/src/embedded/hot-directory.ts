/** The hot rows of one group, by time. */
export interface GroupRows {
  times: number[];
  /** Of rows of one time the later has the higher id and stands later. */
  ids: number[];
  sorted: boolean;
}

/** What a query worker knows of hot rows: group -> (time, id). */
export class HotDirectory {
  readonly #groups = new Map<number, GroupRows>();

  /** Rows must come by id. */
  add(group: number, time: number, id: number): void {
    let rows = this.#groups.get(group);
    if (rows === undefined) {
      rows = { times: [], ids: [], sorted: true };
      this.#groups.set(group, rows);
    }
    if (rows.sorted && rows.times.length > 0 && time < (rows.times.at(-1) as number)) rows.sorted = false;
    rows.times.push(time);
    rows.ids.push(id);
  }

  /** Forgets rows with t0 <= time < t1 and id <= maxId: they are in a day file. */
  remove(group: number, t0: number, t1: number, maxId: number): void {
    const rows = this.#groups.get(group);
    if (rows === undefined) return;
    const { times, ids } = rows;
    let kept = 0;
    for (let i = 0; i < ids.length; i++) {
      const time = times[i] as number;
      const id = ids[i] as number;
      if (time >= t0 && time < t1 && id <= maxId) continue;
      times[kept] = time;
      ids[kept] = id;
      kept++;
    }
    times.length = kept;
    ids.length = kept;
    if (kept === 0) this.#groups.delete(group);
  }

  clear(): void {
    this.#groups.clear();
  }

  /** The rows of a group sorted by time, then id, and the indices [first, end) of those with from <= time <= to. */
  range(group: number, from: number, to: number): { rows: GroupRows; first: number; end: number } | null {
    const rows = this.#groups.get(group);
    if (rows === undefined) return null;
    if (!rows.sorted) sort(rows);
    const first = lowerBound(rows.times, from);
    const end = lowerBound(rows.times, to + 1);
    return first < end ? { rows, first, end } : null;
  }
}

function sort(rows: GroupRows): void {
  const { times, ids } = rows;
  const order = Uint32Array.from(ids, (_, i) => i);
  order.sort((a, b) => (times[a] as number) - (times[b] as number) || (ids[a] as number) - (ids[b] as number));
  rows.times = Array.from(order, (i) => times[i] as number);
  rows.ids = Array.from(order, (i) => ids[i] as number);
  rows.sorted = true;
}

/** The first index whose value is not less than `value`. */
export function lowerBound(
  values: { readonly length: number; readonly [index: number]: number },
  value: number,
  n = values.length,
): number {
  let low = 0;
  let high = n;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((values[middle] as number) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
