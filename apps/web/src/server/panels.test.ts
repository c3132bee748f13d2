import { describe, expect, it } from 'vitest';
import type { Columns } from '../charts/tail.ts';
import { counterPanel, fieldsPanel, serverPanels } from './panels.ts';
import { aProcess } from './sample-processes.testkit.ts';

const context = { detail: null, interval: 30_000 };
const columns = (series: Record<string, (number | null)[]>, times = [0, 60_000, 120_000]): Columns => ({
  times,
  step: 60_000,
  unit: null,
  series: Object.entries(series).map(([instance, values]) => ({ tags: { instance }, values })),
});
const NOTHING: Columns = { times: [], step: 60_000, unit: null, series: [] };

describe('charts of the server', () => {
  it('asks only for what the processes have', () => {
    const ids = (parts: Record<string, Record<string, number>>): string[] => serverPanels([aProcess({ parts })]).map(({ id }) => id);
    expect(ids({ ingest: { samples: 1 } })).toEqual(['samples', 'memory']);
    expect(ids({ ingest: { samples: 1, drain_lag_ms: 0, drained: 1, drain_retries_503: 1 } })).toEqual([
      'samples',
      'waiting',
      'lag',
      'written',
      'retries',
      'memory',
    ]);
    expect(ids({ ingest: { samples: 1, clock: 2, invalid_json: 3 } })).toEqual(['samples', 'odd', 'memory']);
    expect(ids({ broker: { clients: 1, refused_timeout: 1 }, store: { file_bytes: 1 } })).toEqual([
      'samples',
      'clients',
      'refused',
      'store',
      'commits',
      'memory',
    ]);
  });

  it('reads counters as their change and levels as their mean, of one part, a line a process', () => {
    expect(counterPanel('ingest', 'samples').sources).toMatchObject([
      { aggregate: 'rate', where: ['part:ingest'], by: ['instance'], optional: true },
    ]);
    expect(counterPanel('broker', 'clients').sources).toMatchObject([{ aggregate: 'mean' }]);
  });

  it('adds up the processes, and counts by the minute what happens seldom', () => {
    const panel = fieldsPanel({ id: 'x', title: 'x', unit: '/s', words: '' }, [
      { part: 'p', field: 'a', label: 'a' },
      { part: 'p', field: 'b', label: 'b' },
    ]);
    const model = panel.build([columns({ x: [0.0125, null, 0.025], y: [0.0125, null, null] }), NOTHING], context);
    expect(model).toMatchObject({ unit: '/min', lines: [{ label: 'a', color: '--ink', values: [1.5, null, 1.5] }] });
  });

  it('takes its times from what was answered, if the first field was never written', () => {
    const panel = fieldsPanel({ id: 'x', title: 'x', unit: '/s', words: '' }, [
      { part: 'p', field: 'a', label: 'a' },
      { part: 'p', field: 'b', label: 'b' },
    ]);
    expect(panel.build([NOTHING, columns({ x: [1, 2, 3] })], context)).toMatchObject({
      times: [0, 60_000, 120_000],
      lines: [{ label: 'b' }],
    });
    expect(panel.build([NOTHING, NOTHING], context)).toMatchObject({ lines: [] });
  });

  it('keeps the colours of processes by their name, at most eight of them', () => {
    const many = Object.fromEntries(Array.from({ length: 10 }, (_, n) => [`p${9 - n}`, [n, n, n]]));
    const model = counterPanel('broker', 'clients').build([columns(many)], context);
    expect(model?.lines.map(({ label }) => label)).toEqual(['p0', 'p1', 'p2', 'p3', 'p4', 'p5', 'p6', 'p7']);
    expect(model?.unitWords).toContain('2 more not drawn');
  });
});
