import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { topicFilter } from './topic-filter.ts';

/** MQTT 3.1.1 section 4.7, level by level. */
function matches(filter: string, topic: string): boolean {
  if (topic.startsWith('$') && /^[+#]/.test(filter)) return false;
  const wanted = filter.split('/');
  const levels = topic.split('/');
  for (const [index, level] of wanted.entries()) {
    if (level === '#') return true;
    if (index >= levels.length || (level !== '+' && level !== levels[index])) return false;
  }
  return wanted.length === levels.length;
}

describe('topicFilter', () => {
  it('knows the examples of the specification', () => {
    expect(topicFilter('sport/tennis/player1/#')('sport/tennis/player1')).toBe(true);
    expect(topicFilter('sport/#')('sport')).toBe(true);
    expect(topicFilter('#')('$SYS/broker')).toBe(false);
    expect(topicFilter('+/monitor')('$SYS/monitor')).toBe(false);
    expect(topicFilter('$SYS/#')('$SYS/monitor')).toBe(true);
    expect(topicFilter('sport/+')('sport')).toBe(false);
    expect(topicFilter('sport/+')('sport/')).toBe(true);
    expect(topicFilter('a.c')('abc')).toBe(false);
    expect(topicFilter('$share/ingest/hostwire/v1/+/sample/+')('hostwire/v1/pve1/sample/fast')).toBe(true);
  });

  it('agrees with a comparison level by level', () => {
    const level = fc.constantFrom('a', 'b', '', 'a.b', '$x');
    const topic = fc.array(level, { minLength: 1, maxLength: 4 }).map((levels) => levels.join('/'));
    const filter = fc
      .tuple(fc.array(fc.oneof(level, fc.constant('+')), { minLength: 1, maxLength: 4 }), fc.boolean())
      .map(([levels, open]) => [...levels, ...(open ? ['#'] : [])].join('/'))
      .filter((text) => !text.startsWith('$'));
    fc.assert(
      fc.property(filter, topic, (f, t) => {
        expect(topicFilter(f)(t)).toBe(matches(f, t));
      }),
      { numRuns: 2000 },
    );
  });
});
