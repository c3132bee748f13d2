import { mount } from '@vue/test-utils';
import { describe, expect, it } from 'vitest';
import { aProcess, aServer } from './sample-processes.testkit.ts';
import TroubleList from './TroubleList.vue';
import { degradedWords, troublesOf } from './trouble.ts';

describe('what needs attention', () => {
  it('is nothing while all is well', () => {
    expect(troublesOf(aServer())).toEqual([]);
    expect(degradedWords(aServer())).toBeNull();
  });

  it('says since when samples wait in the journals, how many and how large, and that nothing is lost', () => {
    const waiting = (instance: string, lag: number) =>
      aProcess({
        instance,
        degraded: ['store'],
        parts: { ingest: { drain_lag_ms: lag, drain_lag_samples: 2000, drain_lag_bytes: 2 ** 20 } },
      });
    const state = aServer({ processes: [waiting('a/ingest', 60_000), waiting('b/ingest', 600_000)] });
    const [trouble] = troublesOf(state);
    expect(trouble).toMatchObject({ severity: 'warning', instances: ['a/ingest', 'b/ingest'] });
    expect(trouble?.sentence).toMatch(
      /^They wait in the journal since \d\d:\d\d: 4000 samples, 2\.00 MiB\. Nothing is lost while the journal has room\.$/,
    );
    expect(degradedWords(state)).toBe('store');
  });

  it('does not speak of a journal where there is none', () => {
    const [trouble] = troublesOf(aServer({ processes: [aProcess({ degraded: ['store'] })] }));
    expect(trouble?.severity).toBe('critical');
    expect(trouble?.sentence).not.toContain('journal');
  });

  it.each(['broker', 'journal', 'influx-port', 'something-new'])('says what to do about %s', (name) => {
    const [trouble] = troublesOf(aServer({ processes: [aProcess({ degraded: [name] })] }));
    expect(trouble?.sentence).toMatch(/\.$/);
    expect(trouble?.advice).toMatch(/\.$/);
  });

  it('names the role that nobody has any more, and not one that another took over', () => {
    const gone = aProcess({ instance: 'old/ingest+alerts', roles: ['ingest', 'alerts'], last_seen: 700_000, degraded: ['store'] });
    const state = aServer({ processes: [aProcess({ roles: ['api', 'alerts'] }), gone] });
    expect(troublesOf(state).map(({ title }) => title)).toEqual(['No process has the role ingest']);
    // What a silent process said last is no news.
    expect(degradedWords(state)).toBeNull();
  });

  it('leads from dead letters to the command that lists them, and from gaps to the hosts; the worst first', () => {
    const troubles = troublesOf(aServer({ dead_letters: 1, gaps_24h: 2, processes: [aProcess({ degraded: ['broker'] })] }));
    expect(troubles.map(({ severity, title }) => [severity, title])).toEqual([
      ['critical', 'The MQTT broker is not connected'],
      ['info', '1 dead letter'],
      ['info', '2 gaps in the last 24 hours'],
    ]);
    expect(troubles[1]?.command).toContain('deadletter list');
  });

  it('tells apart that there are no gaps and that it is not known', () => {
    const silent = aProcess({ instance: 'b/extra', roles: ['extra'], last_seen: 0 });
    expect(troublesOf(aServer({ gaps_24h: null, processes: [aProcess(), silent] })).map(({ key }) => key)).toEqual(['unanswered']);
  });
});

it('takes the name of a process and of a part as text', () => {
  const troubles = troublesOf(aServer({ processes: [aProcess({ instance: '<i>x</i>', degraded: ['<b>y</b>'] })] }));
  const list = mount(TroubleList, { props: { troubles } });
  expect(list.find('i').exists() || list.find('b').exists()).toBe(false);
  expect(list.text()).toContain('<i>x</i>');
  expect(list.text()).toContain('<b>y</b>');
});
