import type { CollectorDeclaration, Row, Tier } from '@hostwire/model';
import { counter, gauge, state } from './declare.ts';

const collector: CollectorDeclaration = {
  name: 'collector',
  tier: 'fast',
  help: 'What each collector cost and gave; written by the runner, in every tier.',
  measurements: {
    collector: {
      help: 'One run of one collector.',
      tags: { collector: 'Name of the collector' },
      fields: {
        duration_ms: gauge('float', 'ms', 'From its start to its answer'),
        rows: gauge('int', 'rows', 'Rows that it gave'),
        dropped: gauge('int', '1', 'Fields, tags and rows left out because they were not as declared'),
        success: state('bool', 'It answered in time, and without an error'),
      },
    },
  },
};

const agent: CollectorDeclaration = {
  name: 'agent',
  tier: 'fast',
  help: 'Names the sample; written by the agent into every one.',
  measurements: {
    agent: {
      help: 'One row a sample, so that delivery can be counted in the store.',
      tags: { tier: 'fast, medium or slow', part: '2, 3, ... where one tick was too large for one sample' },
      fields: {
        run: state('string', 'Names one start of one agent'),
        seq: { type: 'int', unit: '1', kind: 'counter', help: 'Counts the samples of this run, from 1' },
      },
    },
  },
};

const gap: CollectorDeclaration = {
  name: 'gap',
  tier: 'fast',
  help: 'Samples that were taken and never arrived; written by the agent into the next sample after it knows.',
  measurements: {
    gap: {
      help: 'One row a reason. No row: nothing is missing.',
      tags: {
        reason:
          'full (the spool has no room), age (kept too long), disk (the disk refused and memory had no room), clock (no time could be found), damaged (on disk)',
      },
      fields: {
        from: gauge('int', 'ms', 'Time of the first missing sample, since the epoch'),
        to: gauge('int', 'ms', 'Time of the last missing sample, since the epoch'),
        count: gauge('int', '1', 'Missing samples'),
      },
    },
  },
};

const spool: CollectorDeclaration = {
  name: 'spool',
  tier: 'medium',
  help: 'What waits for the server to acknowledge it; written by the agent.',
  measurements: {
    spool: {
      help: "The agent's spool.",
      tags: {},
      fields: {
        bytes: gauge('int', 'bytes', 'On disk and in memory'),
        samples: gauge('int', '1', 'That wait'),
        dropped: counter('1', 'Samples given up since the start of the agent; each is in a gap'),
        resent: counter('1', 'Samples sent again since the start of the agent'),
        io_errors: counter('1', 'Times that the disk refused since the start of the agent'),
      },
    },
  },
};

/** What is in samples beside the collectors' own measurements. */
export const SELF_DECLARATIONS: readonly CollectorDeclaration[] = [collector, agent, gap, spool];

/** Why samples are missing: tag `reason` of measurement `gap`. */
export type GapReason = 'full' | 'age' | 'disk' | 'clock' | 'damaged';

/** Samples that were taken and never arrive. */
export interface Gap {
  readonly reason: GapReason;
  /** Times of the first and the last of them, ms since the epoch. */
  readonly from: number;
  readonly to: number;
  /** Samples. */
  readonly count: number;
}

/** A row of measurement `gap`. */
export function gapRow({ reason, from, to, count }: Gap): Row {
  return { tags: { reason }, fields: { from, to, count } };
}

/** The row of measurement `spool`; the fields as declared. */
export function spoolRow(fields: Readonly<Record<'bytes' | 'samples' | 'dropped' | 'resent' | 'io_errors', number>>): Row {
  return { fields };
}

/**
 * The row of measurement `agent` that every sample carries once. `part` counts the samples that one tick was divided into:
 * they share a time, so from the second on it is a tag that keeps their rows apart.
 */
export function agentRow(run: string, seq: number, tier: Tier, part = 1): Row {
  return { tags: part === 1 ? { tier } : { tier, part: String(part) }, fields: { run, seq } };
}
