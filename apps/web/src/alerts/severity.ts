import type { Severity } from '../api/types.ts';
import type { GlyphName } from '../parts/Glyph.vue';

interface SeverityLook {
  readonly word: string;
  readonly glyph: GlyphName;
  readonly text: string;
  readonly tone: 'warn' | 'crit' | undefined;
}

export const SEVERITY: Readonly<Record<Severity, SeverityLook>> = {
  critical: { word: 'Critical', glyph: 'crit', text: 't-crit', tone: 'crit' },
  warning: { word: 'Warning', glyph: 'warn', text: 't-warn', tone: 'warn' },
  info: { word: 'Info', glyph: 'info', text: 't-info', tone: undefined },
};
