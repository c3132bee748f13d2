import { join } from 'node:path';
import {
  type Ack,
  type Catalog,
  Counters,
  encodeSample,
  topics as makeTopics,
  type PointGroup,
  type Sample,
  toCatalog,
} from '@hostwire/model';
import type { SeriesStore, StoreError, WriteResult } from '@hostwire/store';
import { tempDir } from '@hostwire/testkit';
import type { Logger } from '@hostwire/transport';
import { onTestFinished } from 'vitest';
import { DeadLetters } from './dead-letters.ts';
import { createIngest, type Ingest, type IngestOptions } from './ingest.ts';

export const topics = makeTopics();
export const NOW = 1_790_000_000_000;

const field = (type: 'int' | 'float' | 'string' | 'bool') => ({ type, unit: '1', kind: 'gauge', help: 'x' }) as const;

export const catalog: Catalog = toCatalog([
  {
    name: 'test',
    tier: 'fast',
    help: 'x',
    measurements: {
      cpu: { help: 'x', tags: { cpu: 'x' }, fields: { usage_active: field('float') } },
      net: { help: 'x', tags: { interface: 'x' }, fields: { bytes_recv: field('int'), speed: field('int') } },
    },
  },
]);

export function makeSample(change: Partial<Sample> = {}): Sample {
  return {
    v: 1,
    host: 'pve1',
    tier: 'fast',
    run: 'r1',
    seq: 1,
    time: NOW,
    interval: 30,
    catalog: catalog.hash,
    data: { cpu: [{ tags: { cpu: 'cpu-total' }, fields: { usage_active: 12.5 } }] },
    ...change,
  };
}

export const encode = (sample: Sample): Buffer => Buffer.from(encodeSample(sample));

/** A store in memory, whose writes can be held and made to fail. */
export class FakeStore implements Pick<SeriesStore, 'write'> {
  readonly commits: PointGroup[][] = [];
  readonly writes: (readonly PointGroup[])[] = [];
  /** Waited for by each write. */
  gate: Promise<void> = Promise.resolve();
  fail: ((groups: readonly PointGroup[]) => StoreError | Error | null) | null = null;
  rejected: WriteResult['rejected'] = [];

  async write(groups: readonly PointGroup[]): Promise<WriteResult> {
    this.writes.push(groups);
    await this.gate;
    const error = this.fail?.(groups) ?? null;
    if (error !== null) throw error;
    this.commits.push([...groups]);
    return { rejected: this.rejected };
  }

  hold(): () => void {
    let release = (): void => {};
    this.gate = new Promise((done) => {
      release = done;
    });
    return () => release();
  }
}

export interface Rig {
  readonly ingest: Ingest;
  readonly store: FakeStore;
  readonly acks: { readonly host: string; readonly ack: Ack }[];
  readonly counters: Counters;
  readonly folder: string;
  readonly logger: Logger & { readonly lines: string[] };
  clock: number;
  accept(sample: Sample): Promise<void>;
  acceptRaw(topic: string, payload: Uint8Array | string): Promise<void>;
}

export function rig(options: Partial<IngestOptions> = {}): Rig {
  const store = new FakeStore();
  const counters = new Counters();
  const folder = join(tempDir(), 'deadletter');
  const acks: Rig['acks'] = [];
  const lines: string[] = [];
  const write = (_fields: object, message: string): void => {
    lines.push(message);
  };
  const logger = { lines, debug: () => {}, info: write, warn: write, error: write };
  const made: Rig = {
    store,
    acks,
    counters,
    folder,
    logger,
    clock: NOW,
    ingest: createIngest({
      store,
      bus: {
        async publish(topic, payload) {
          acks.push({ host: topics.parse(topic)?.host ?? '', ack: JSON.parse(String(payload)) as Ack });
        },
      },
      topics,
      catalog,
      catalogFor: async () => null,
      deadLetters: new DeadLetters({ folder, counters, logger, now: () => made.clock }),
      logger,
      counters,
      now: () => made.clock,
      ...options,
    }),
    accept: (sample) => made.acceptRaw(topics.sample(sample.host, sample.tier), encode(sample)),
    acceptRaw: (topic, payload) => made.ingest.accept({ topic, payload: Buffer.from(payload), receivedAt: made.clock }),
  };
  onTestFinished(() => made.ingest.close());
  return made;
}
