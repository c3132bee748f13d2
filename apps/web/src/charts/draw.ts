import type uPlot from 'uplot';
import { axisFigure } from '../format/number.ts';
import { clock, day, moment, weekday } from '../format/time.ts';
import type { ChartModel, ChartValues, Gap } from './model.ts';
import type { Palette } from './palette.ts';
import { xTicks, type YScale } from './scale.ts';

/** An event on the chart: a flag on top with a hairline. */
export interface Mark {
  readonly time: number;
  readonly tone: 'crit' | 'warn' | 'mute';
}

/** Everything that the painters read; `Chart.vue` keeps it current. */
export interface Scene {
  readonly model: ChartModel;
  readonly y: YScale;
  readonly gaps: readonly Gap[];
  readonly marks: readonly Mark[];
  /** Marked by a line, ms. */
  readonly moment: number | null;
  readonly palette: Palette;
}

const FONT = '400 11px "JetBrains Mono Variable", "JetBrains Mono", ui-monospace, monospace';
const HEAT_STEPS = 9;

function crisp(value: number): number {
  return Math.round(value) + 0.5;
}

/** Runs `paint` in CSS pixels of the plot, clipped to it if `clip`. */
function inPlot(
  u: uPlot,
  clip: boolean,
  paint: (ctx: CanvasRenderingContext2D, box: { left: number; top: number; width: number; height: number }) => void,
): void {
  const ratio = devicePixelRatio;
  const { ctx, bbox } = u;
  const box = { left: bbox.left / ratio, top: bbox.top / ratio, width: bbox.width / ratio, height: bbox.height / ratio };
  ctx.save();
  ctx.scale(ratio, ratio);
  if (clip) {
    ctx.beginPath();
    ctx.rect(box.left, box.top, box.width, box.height);
    ctx.clip();
  }
  paint(ctx, box);
  ctx.restore();
}

/** Under the data: grid, hatched gaps, and for heat maps the cells themselves. */
export function drawUnder(u: uPlot, { model, y, gaps, palette }: Scene): void {
  inPlot(u, false, (ctx, box) => {
    ctx.lineWidth = 1;
    if (model.kind !== 'heat') {
      for (const tick of y.ticks) {
        ctx.strokeStyle = palette.color(tick === 0 ? '--line' : '--grid');
        ctx.beginPath();
        const at = crisp(u.valToPos(tick, 'y') + box.top - 0.5);
        ctx.moveTo(box.left, at);
        ctx.lineTo(box.left + box.width, at);
        ctx.stroke();
      }
    }
    labels(u, model, y, ctx, box, palette);
  });
  inPlot(u, true, (ctx, box) => {
    if (model.kind === 'heat') cells(u, model, ctx, box, palette);
    for (const gap of gaps) {
      const from = u.valToPos(gap.from, 'x') + box.left;
      const to = Math.max(u.valToPos(gap.to, 'x') + box.left, from + 2);
      hatch(ctx, palette, Math.max(box.left, from), box.top, Math.min(to, box.left + box.width) - Math.max(box.left, from), box.height);
    }
  });
}

function hatch(ctx: CanvasRenderingContext2D, palette: Palette, left: number, top: number, width: number, height: number): void {
  if (width < 1) return;
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, top, width, height);
  ctx.clip();
  ctx.fillStyle = palette.color('--surface');
  ctx.fillRect(left, top, width, height);
  ctx.strokeStyle = palette.color('--hatch');
  ctx.lineWidth = 2;
  ctx.beginPath();
  // Stripes hang on the chart, not on the gap, so that they do not crawl as the gap grows.
  for (let x = Math.floor((left - height) / 7) * 7; x < left + width + height; x += 7) {
    ctx.moveTo(x, top + height);
    ctx.lineTo(x + height, top);
  }
  ctx.stroke();
  ctx.restore();
}

function labels(
  u: uPlot,
  model: ChartModel,
  y: YScale,
  ctx: CanvasRenderingContext2D,
  box: { left: number; top: number; width: number; height: number },
  palette: Palette,
): void {
  ctx.font = FONT;
  ctx.letterSpacing = '-0.03em';
  ctx.textAlign = 'right';
  ctx.textBaseline = 'middle';
  ctx.fillStyle = palette.color('--axis');
  if (model.kind === 'heat') {
    ctx.fillText('0', box.left - 6, box.top + 5);
    if (model.lines.length > 1) ctx.fillText(String(model.lines.length - 1), box.left - 6, box.top + box.height - 5);
  } else for (const tick of y.ticks) ctx.fillText(axisFigure(Math.abs(tick)), box.left - 6, u.valToPos(tick, 'y') + box.top);
  const { min, max } = u.scales['x'] ?? {};
  if (min === undefined || max === undefined || min === null || max === null) return;
  ctx.textAlign = 'center';
  ctx.textBaseline = 'alphabetic';
  const ticks = xTicks(min, max, box.width);
  const step = (ticks[1] ?? 0) - (ticks[0] ?? 0);
  for (const time of ticks) {
    const at = u.valToPos(time, 'x') + box.left;
    const text = xLabel(time, step, max - min);
    const half = ctx.measureText(text).width / 2;
    if (at - half < box.left - 30 || at + half > box.left + box.width + 3) continue;
    ctx.fillStyle = palette.color(isMidnight(time) ? '--fg-2' : '--axis');
    ctx.fillText(text, at, box.top + box.height + 14);
  }
}

const isMidnight = (time: number): boolean => clock(time) === '00:00';

function xLabel(time: number, step: number, span: number): string {
  if (isMidnight(time)) return span > 8 * 86_400_000 ? day(time) : weekday(time);
  return step > 0 && step < 60_000 ? moment(time) : clock(time);
}

function cells(
  u: uPlot,
  model: ChartModel,
  ctx: CanvasRenderingContext2D,
  box: { left: number; top: number; width: number; height: number },
  palette: Palette,
): void {
  const rows = model.lines.length;
  const height = box.height / Math.max(1, rows);
  const edges = model.times.map((time) => u.valToPos(time, 'x') + box.left);
  const last = u.valToPos((model.times.at(-1) ?? 0) + model.step, 'x') + box.left;
  ctx.fillStyle = palette.color('--heat-0');
  ctx.fillRect(box.left, box.top, box.width, box.height);
  const byHeat: number[][] = Array.from({ length: HEAT_STEPS }, () => []);
  model.lines.forEach(({ values }, row) => {
    values.forEach((value, i) => {
      if (typeof value !== 'number') return;
      byHeat[Math.min(HEAT_STEPS - 1, Math.max(0, Math.floor((value / 100) * HEAT_STEPS)))]?.push(row, i);
    });
  });
  byHeat.forEach((found, heat) => {
    if (heat === 0) return;
    ctx.fillStyle = palette.color(`--heat-${heat}`);
    for (let n = 0; n < found.length; n += 2) {
      const [row, i] = [found[n] ?? 0, found[n + 1] ?? 0];
      const from = Math.round(edges[i] ?? 0);
      const top = Math.round(box.top + row * height);
      ctx.fillRect(
        from,
        top,
        Math.max(1, Math.round(edges[i + 1] ?? last) - from),
        Math.max(1, Math.round(box.top + (row + 1) * height) - top),
      );
    }
  });
}

/** Over the data: what goes beyond a limit, single samples, limits and events. */
export function drawOver(u: uPlot, scene: Scene, positions: readonly ChartValues[]): void {
  const { model, marks, palette } = scene;
  inPlot(u, true, (ctx, box) => {
    if (model.kind !== 'heat')
      for (const [n, line] of model.lines.entries()) singles(u, ctx, box, model, positions[n] ?? [], palette.color(line.color));
    if (model.kind === 'lines') for (const limit of model.limits) overLimit(u, ctx, box, scene, limit.at, limit.tone, positions);
    for (const limit of model.limits) {
      const at = crisp(u.valToPos(limit.at, 'y') + box.top - 0.5);
      ctx.strokeStyle = palette.color(limit.tone === 'mute' ? '--line-strong' : `--${limit.tone}`);
      ctx.lineWidth = 1;
      ctx.setLineDash([4, 3]);
      ctx.beginPath();
      ctx.moveTo(box.left, at);
      ctx.lineTo(box.left + box.width, at);
      ctx.stroke();
      ctx.setLineDash([]);
      ctx.font = FONT;
      ctx.letterSpacing = '-0.03em';
      ctx.textAlign = 'left';
      ctx.textBaseline = 'alphabetic';
      ctx.fillStyle = palette.color(limit.tone === 'mute' ? '--fg-3' : `--${limit.tone}-fg`);
      ctx.fillText(limit.words, box.left + 5, at - 4);
    }
  });
  inPlot(u, false, (ctx, box) => flags(u, ctx, box, marks, palette));
  const at = scene.moment === null ? -1 : u.valToPos(scene.moment, 'x');
  inPlot(u, true, (ctx, box) => {
    if (at < 0 || at > box.width) return;
    ctx.fillStyle = palette.color('--cursor');
    ctx.fillRect(Math.round(box.left + at), box.top, 1, box.height);
  });
}

/** A sample between two silences has no line: it is a dot. */
function singles(
  u: uPlot,
  ctx: CanvasRenderingContext2D,
  box: { left: number; top: number },
  model: ChartModel,
  values: ChartValues,
  color: string,
): void {
  const silent = (i: number): boolean => i < 0 || i >= values.length || values[i] === null;
  ctx.fillStyle = color;
  values.forEach((value, i) => {
    if (typeof value !== 'number' || !silent(i - 1) || !silent(i + 1)) return;
    ctx.beginPath();
    ctx.arc(u.valToPos(model.times[i] ?? 0, 'x') + box.left, u.valToPos(value, 'y') + box.top, 1.75, 0, 2 * Math.PI);
    ctx.fill();
  });
}

/** Above a limit a line turns to the status colour; below it stays as it was. */
function overLimit(
  u: uPlot,
  ctx: CanvasRenderingContext2D,
  box: { left: number; top: number; width: number },
  { model, palette, gaps }: Scene,
  at: number,
  tone: string,
  positions: readonly ChartValues[],
): void {
  if (tone === 'mute') return;
  ctx.save();
  ctx.beginPath();
  const height = u.valToPos(at, 'y') + box.top;
  let from = box.left;
  for (const gap of gaps) {
    ctx.rect(from, 0, Math.max(0, u.valToPos(gap.from, 'x') + box.left - from), height);
    from = u.valToPos(gap.to, 'x') + box.left;
  }
  ctx.rect(from, 0, Math.max(0, box.left + box.width - from), height);
  ctx.clip();
  ctx.strokeStyle = palette.color(`--${tone}-fg`);
  ctx.lineWidth = 2.25;
  ctx.lineJoin = 'round';
  for (const values of positions) {
    ctx.beginPath();
    let pen = false;
    values.forEach((value, i) => {
      if (value === undefined) return;
      if (value === null) {
        pen = false;
        return;
      }
      const x = u.valToPos(model.times[i] ?? 0, 'x') + box.left;
      const y = u.valToPos(value, 'y') + box.top;
      if (pen) ctx.lineTo(x, y);
      else ctx.moveTo(x, y);
      pen = true;
    });
    ctx.stroke();
  }
  ctx.restore();
}

function flags(
  u: uPlot,
  ctx: CanvasRenderingContext2D,
  box: { left: number; top: number; width: number; height: number },
  marks: readonly Mark[],
  palette: Palette,
): void {
  const { min, max } = u.scales['x'] ?? {};
  for (const { time, tone } of marks) {
    if (min === undefined || max === undefined || min === null || max === null || time < min || time > max) continue;
    const at = crisp(u.valToPos(time, 'x') + box.left - 0.5);
    const color = palette.color(tone === 'crit' ? '--crit-fg' : tone === 'warn' ? '--warn' : '--fg-3');
    ctx.globalAlpha = 0.38;
    ctx.strokeStyle = color;
    ctx.lineWidth = 1;
    ctx.beginPath();
    ctx.moveTo(at, box.top);
    ctx.lineTo(at, box.top + box.height);
    ctx.stroke();
    ctx.globalAlpha = 1;
    ctx.fillStyle = color;
    ctx.beginPath();
    ctx.moveTo(at - 3.5, box.top - 6);
    ctx.lineTo(at + 3.5, box.top - 6);
    ctx.lineTo(at, box.top);
    ctx.fill();
  }
}
