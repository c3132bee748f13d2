import uPlot from 'uplot';
import { drawOver, drawUnder, type Scene } from './draw.ts';
import { type ChartModel, type ChartValues, cumulate, type Gap, joined } from './model.ts';

/** All charts of a page share one cursor. */
const SYNC = 'hostwire';
export const GUTTER = 34;
const TOP = 10;
const BOTTOM = 18;

export interface PlotEvents {
  readonly scene: () => Scene;
  /** A stretch was chosen by dragging, ms. */
  readonly zoom: (from: number, to: number) => void;
  /** The cursor stands on the bucket `index`, or nowhere. */
  readonly cursor: (index: number | null) => void;
}

/** Where each line is drawn: cumulated in stacks, negative where it goes down. */
export function positionsOf(model: ChartModel): ChartValues[] {
  if (model.kind === 'stack') return cumulate(model.lines);
  return model.lines.map(({ values, down }) => (down ? values.map((value) => (typeof value === 'number' ? -value : value)) : values));
}

const mirror = (values: ChartValues, down: boolean | undefined): ChartValues =>
  down ? values.map((value) => (typeof value === 'number' ? -value : value)) : values;

/** The columns that uPlot gets: times, then a column a line, then for each line with a band its upper and lower edge. */
export function columnsOf(model: ChartModel): uPlot.AlignedData {
  const bands = model.lines.flatMap(({ min, max, down }) =>
    min === undefined || max === undefined ? [] : [mirror(down ? min : max, down), mirror(down ? max : min, down)],
  );
  return [model.times, ...positionsOf(model), ...bands] as unknown as uPlot.AlignedData;
}

/** Where a line is not drawn, in canvas px: its own silences, and the gaps that are known. */
function holes(u: uPlot, own: uPlot.Series.Gaps, known: readonly Gap[]): uPlot.Series.Gaps {
  const all = [...own, ...known.map(({ from, to }): [number, number] => [u.valToPos(from, 'x', true), u.valToPos(to, 'x', true)])];
  return joined(all.map(([from, to]) => ({ from, to: Math.max(to, from + 2) }))).map(({ from, to }) => [from, to]);
}

/** Two models that can be drawn by one plot: same lines, same bands. */
export function shapeOf(model: ChartModel): string {
  return [model.kind, ...model.lines.map(({ label, color, min, down }) => `${label}|${color}|${min !== undefined}|${down === true}`)].join(
    '\n',
  );
}

export function createPlot(target: HTMLElement, width: number, height: number, events: PlotEvents): uPlot {
  const { model, palette } = events.scene();
  const stacked = model.kind === 'stack';
  const heat = model.kind === 'heat';
  const dots = {
    ...(heat ? { show: false } : {}),
    size: 6,
    width: 1.5,
    stroke: () => palette.color('--surface'),
    fill: (u: uPlot, i: number) => dotColor(u, i),
  };
  const dotColor = (_: uPlot, i: number): string => palette.color(model.lines[i - 1]?.color ?? '--ink');

  const gaps: uPlot.Series.GapsRefiner = (u, _series, _first, _last, own) => holes(u, own, events.scene().gaps);
  const series: uPlot.Series[] = [{}];
  const bands: uPlot.Band[] = [];
  model.lines.forEach((line, n) => {
    const own: uPlot.Series = { label: line.label, spanGaps: false, gaps, points: { show: false }, show: true };
    if (!heat) {
      own.stroke = palette.color(line.color);
      own.width = stacked ? 1 : 1.5;
      if (stacked && n === 0) own.fill = palette.alpha(line.color, palette.stack);
    } else own.paths = () => null;
    series.push(own);
    if (stacked && n > 0) bands.push({ series: [n + 1, n], fill: palette.alpha(line.color, palette.stack) });
  });
  for (const line of model.lines) {
    if (line.min === undefined || line.max === undefined) continue;
    const upper = series.length;
    series.push({ points: { show: false }, width: 0, gaps }, { points: { show: false }, width: 0, gaps });
    bands.push({ series: [upper, upper + 1], fill: palette.alpha(line.color, palette.band) });
  }

  const plot = new uPlot(
    {
      width,
      height,
      ms: 1,
      padding: [TOP, 4, 0, 0],
      legend: { show: false },
      focus: { alpha: 0.25 },
      scales: { x: { time: true, auto: false }, y: { auto: false, range: () => [events.scene().y.low, events.scene().y.high] } },
      axes: [
        { size: BOTTOM, gap: 0, grid: { show: false }, ticks: { show: false }, values: (_, splits) => splits.map(() => '') },
        { size: GUTTER, gap: 0, grid: { show: false }, ticks: { show: false }, values: (_, splits) => splits.map(() => '') },
      ],
      series,
      bands,
      cursor: {
        y: false,
        points: dots as uPlot.Cursor.Points,
        drag: { x: true, y: false, setScale: false, dist: 5 },
        bind: { dblclick: () => null },
        sync: {
          key: SYNC,
          setSeries: false,
          scales: ['x', null],
          filters: { pub: (type) => type === 'mousemove' || type === 'mouseleave' },
        },
      },
      hooks: {
        drawAxes: [(u) => drawUnder(u, events.scene())],
        draw: [(u) => drawOver(u, events.scene(), positionsOf(events.scene().model))],
        setCursor: [(u) => events.cursor(u.cursor.idx ?? null)],
        setSelect: [
          (u) => {
            const { left, width: wide } = u.select;
            if (wide < 5) return;
            events.zoom(u.posToVal(left, 'x'), u.posToVal(left + wide, 'x'));
            u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          },
        ],
      },
    },
    columnsOf(model),
    target,
  );
  return plot;
}
