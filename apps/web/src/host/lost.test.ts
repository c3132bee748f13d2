import { mount } from '@vue/test-utils';
import { describe, expect, it } from 'vitest';
import LostLines from './LostLines.vue';
import { adviceOf, lostEvents, lostOf, lostSentence, stretchWords, within } from './lost.ts';

const at = (hours: number, minutes: number, day = 22) => new Date(2026, 3, day, hours, minutes).getTime();
const now = at(9, 26);
const record = (change = {}) => ({ time: at(4, 36), from: at(2, 10), to: at(4, 35), count: 412, reason: 'full', ...change });

describe('samples that are missing', () => {
  it('says how many, when and why', () => {
    const [one] = lostOf([record()]);
    expect(one && lostSentence(one, now)).toBe("412 samples missing, 02:10 to 04:35: the agent's spool was full");
  });

  it('has the date where it is not today, and a moment for a single one', () => {
    expect(stretchWords({ from: at(22, 10, 21), to: at(23, 35, 21) }, now)).toBe('21 Apr 22:10 to 23:35');
    expect(stretchWords({ from: at(22, 10, 21), to: at(4, 35) }, now)).toBe('21 Apr 22:10 to 22 Apr 04:35');
    expect(stretchWords({ from: at(2, 10), to: at(2, 10) }, now)).toBe('02:10:00');
    expect(stretchWords({ from: at(2, 10), to: at(2, 12) }, now)).toBe('02:10:00 to 02:12:00');
  });

  it.each(['full', 'age', 'disk', 'clock', 'damaged'])('explains %s and what to do', (reason) => {
    const [one] = lostOf([record({ reason, count: 1 })]);
    expect(one && lostSentence(one, now)).toMatch(/^1 sample missing, .+: [a-z].+[a-z]$/);
    expect(adviceOf(reason)).toMatch(/\.$/);
  });

  it('stands at the moment it was told if it has no times, and is never reversed', () => {
    expect(lostOf([record({ from: null, to: null })])).toMatchObject([{ from: at(4, 36), to: at(4, 36) }]);
    expect(lostOf([record({ from: at(4, 35), to: at(2, 10) })])).toMatchObject([{ from: at(2, 10), to: at(4, 35) }]);
  });

  it('is in a range that it reaches into, newest first', () => {
    const lost = lostOf([record(), record({ from: at(6, 0), to: at(6, 1) })]);
    expect(within(lost, at(4, 0), at(9, 0)).map(({ from }) => from)).toEqual([at(6, 0), at(2, 10)]);
    expect(within(lost, at(4, 36), at(5, 0))).toEqual([]);
    expect(lostEvents(lost, now).map(({ subject, words }) => `${subject} ${words}`)).toEqual([
      '412 samples missing 06:00:00 to 06:01:00',
      '412 samples missing 02:10 to 04:35',
    ]);
  });
});

describe('lines about them', () => {
  const lines = (records: ReturnType<typeof record>[], error: Error | null = null) =>
    mount(LostLines, { props: { lost: lostOf(records), error } });

  it('are not there if nothing is missing', () => expect(lines([]).find('section').exists()).toBe(false));

  it('say a reason of the host as text', () => {
    const wrapper = lines([record({ reason: '<b>moths</b>' })]);
    expect(wrapper.text()).toContain('the agent says: <b>moths</b>');
    expect(wrapper.find('bdi b').exists()).toBe(false);
  });

  it('show the first two and the rest when asked, each advice once', async () => {
    const wrapper = lines([0, 1, 2, 3].map((n) => record({ from: at(n, 0), to: at(n, 30) })));
    expect(wrapper.findAll('li').length).toBe(2);
    expect(wrapper.text().split('max_bytes').length).toBe(2);
    await wrapper.get('[aria-expanded]').trigger('click');
    expect(wrapper.findAll('li').length).toBe(4);
  });

  it('lead the charts to the stretch, with some room around it', async () => {
    const wrapper = lines([record()]);
    await wrapper.get('button').trigger('click');
    const [[from, to] = []] = wrapper.emitted<[number, number]>('zoom') ?? [];
    expect(from).toBeLessThan(at(2, 10));
    expect(to).toBeGreaterThan(at(4, 35));
  });

  it('say that it is not known if the store does not answer', () => {
    expect(lines([], new Error('The store does not answer.')).text()).toContain('not known');
  });
});
