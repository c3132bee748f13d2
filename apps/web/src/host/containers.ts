import type { Container } from '../api/types.ts';
import type { GlyphName } from '../parts/Glyph.vue';

/** How a container is, as a shape, a tone and words. */
export interface ContainerState {
  readonly glyph: GlyphName;
  /** Of the words; empty where nothing is wrong. */
  readonly tone: '' | 't-warn';
  readonly text: string;
}

/** What is wrong stands out: a check that fails, an end that was not asked for, a start over and over. */
export function stateOf({ status, health, exit_code: code, oom_killed: killed }: Container): ContainerState {
  const word = status === '' ? 'Unknown' : `${status.slice(0, 1).toUpperCase()}${status.slice(1)}`;
  if (status === 'running') {
    if (health === 'unhealthy') return { glyph: 'warn', tone: 't-warn', text: 'Unhealthy' };
    if (health === 'starting') return { glyph: 'pending', tone: '', text: 'Starting' };
    return { glyph: 'ok', tone: '', text: health === 'healthy' ? 'Healthy' : word };
  }
  if (status === 'restarting' || status === 'dead') return { glyph: 'warn', tone: 't-warn', text: word };
  if (status === 'exited' && killed) return { glyph: 'warn', tone: 't-warn', text: 'Out of memory' };
  // 143 and 130 are those of a program that ended when it was told to.
  if (status === 'exited' && code !== null && ![0, 130, 143].includes(code)) {
    return { glyph: 'warn', tone: 't-warn', text: `${word} ${code}` };
  }
  return { glyph: status === 'exited' || status === 'created' ? 'off' : 'stale', tone: '', text: word };
}

/** "5 running, 1 stopped, 1 unhealthy". */
export function summarySentence({
  running,
  stopped,
  unhealthy,
}: {
  readonly running: number;
  readonly stopped: number;
  readonly unhealthy: number;
}): string {
  return [`${running} running`, ...(stopped > 0 ? [`${stopped} stopped`] : []), ...(unhealthy > 0 ? [`${unhealthy} unhealthy`] : [])].join(
    ', ',
  );
}

/** When it started, or ended if it does not run; null where the engine does not tell. */
export function sinceOf({ status, started_at: started, finished_at: finished }: Container): number | null {
  return status === 'running' || status === 'paused' ? started : (finished ?? started);
}
