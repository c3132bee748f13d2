import type { Point, PointGroup } from '@hostwire/model';
import type { ParsedPoint } from '@hostwire/model/line-protocol';

/**
 * Points of one write as a store takes them: those of one host and one time together. `host` is the tag of that name,
 * so that the series of one Telegraf share their times.
 */
export function groupPoints(points: readonly ParsedPoint[], database: string): readonly PointGroup[] {
  const groups = new Map<string, { group: PointGroup; points: Point[] }>();
  for (const { point, time, nanos } of points) {
    const source = `line/${point.tags['host'] ?? ''}`;
    const key = `${time} ${nanos} ${source}`;
    let found = groups.get(key);
    if (found === undefined) {
      const members: Point[] = [];
      found = { group: { database, source, time, ...(nanos === 0 ? {} : { nanos }), points: members }, points: members };
      groups.set(key, found);
    }
    found.points.push(point);
  }
  return [...groups.values()].map(({ group }) => group);
}
