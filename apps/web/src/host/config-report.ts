import type { HostDetail } from '../api/types.ts';

/** What an agent made of the configuration that the server set on it. */
export interface ConfigReport {
  readonly applied: readonly string[];
  readonly refused: readonly { readonly key: string; readonly reason: string }[];
  /** Messages with a configuration that it could not read. */
  readonly unreadable: number;
}

/** Null: nothing was set on it, or its agent is too old to say. What an agent says is taken as far as it makes sense. */
export function configReportOf(info: HostDetail['info'] | undefined): ConfigReport | null {
  const report = info?.['config'];
  if (typeof report !== 'object' || report === null) return null;
  const { applied, refused, unreadable } = report as Record<string, unknown>;
  return {
    applied: Array.isArray(applied) ? applied.filter((key): key is string => typeof key === 'string') : [],
    refused: Array.isArray(refused) ? refused.filter(isRefused) : [],
    unreadable: typeof unreadable === 'number' ? unreadable : 0,
  };
}

function isRefused(value: unknown): value is ConfigReport['refused'][number] {
  if (typeof value !== 'object' || value === null) return false;
  const { key, reason } = value as Record<string, unknown>;
  return typeof key === 'string' && typeof reason === 'string';
}
