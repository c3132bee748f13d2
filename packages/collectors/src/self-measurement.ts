import type { CollectorDeclaration, Row, Tier } from '@hostwire/model';
import { gauge, state } from './declare.ts';

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

/** What is in samples beside the collectors' own measurements. */
export const SELF_DECLARATIONS: readonly CollectorDeclaration[] = [collector, agent];

/**
 * The row of measurement `agent` that every sample carries once. `part` counts the samples that one tick was divided into:
 * they share a time, so from the second on it is a tag that keeps their rows apart.
 */
export function agentRow(run: string, seq: number, tier: Tier, part = 1): Row {
  return { tags: part === 1 ? { tier } : { tier, part: String(part) }, fields: { run, seq } };
}
