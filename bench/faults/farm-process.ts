// Many agents in one process, as a fault run starts and kills it: the agent's own spool, publisher and connection, over samples
// made here. Each sample is in the ledger before it is published and after it is in the spool; what is in the spool and not in
// the ledger (the process was killed in between) is entered at the next start. So the ledger is exactly what was collected.

import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openDelivery } from '@hostwire/agent/delivery';
import { type HostInfo, newRunId, type Sample, toCatalog, topics } from '@hostwire/model';
import { createLogger } from '@hostwire/service';
import type { FarmOptions } from './farm.ts';
import { rowsOf } from './values.ts';

const TICK_MS = 10;
const INFO: Omit<HostInfo, 'hostname' | 'run' | 'intervals'> = {
  agent_version: '0',
  os: 'fault run',
  kernel: '0',
  arch: 'none',
  user: 'nobody',
  groups: [],
  capabilities: {},
};

const options = JSON.parse(process.argv[2] ?? '') as FarmOptions;
const interval = 1 / options.rate;
const catalog = toCatalog([]);
const logger = createLogger({ name: 'farm', level: 'error' });
const ledger = openSync(options.ledger, 'a');
let sampling = true;
let collected = 0;
let busy = false;
let paused = false;

const hosts = await Promise.all(options.hosts.map(open));
process.stdout.write('ready\n');
process.on('message', (message: { readonly kind: string }) => {
  if (message.kind === 'stop-sampling') sampling = false;
  if (message.kind === 'busy') busy = true;
  if (message.kind === 'pause') paused = true;
  if (message.kind === 'resume') paused = false;
});
process.once('disconnect', () => process.exit(0));
void report();
await Promise.all(hosts.map(sample));

async function open({ id, token }: FarmOptions['hosts'][number]) {
  const run = newRunId();
  const delivery = await openDelivery({
    connection: { url: options.brokerUrl, token },
    host: id,
    run,
    spool: { folder: join(options.folder, id), ...options.spool },
    topics: topics(),
    catalog,
    info: { ...INFO, hostname: id, run, intervals: { fast: interval, medium: 300, slow: 1800 } },
    onHeld: (held) => {
      for (const { run: earlier, seqs } of held) {
        for (const [from, to] of seqs) for (let seq = from; seq <= to; seq++) enter(id, earlier, seq);
      }
    },
    logger,
    ...(options.timing === undefined ? {} : { timing: options.timing }),
  });
  return { id, run, delivery };
}

async function sample({ id, run, delivery }: Awaited<ReturnType<typeof open>>): Promise<void> {
  let start = performance.now();
  let seq = 0;
  let last = 0;
  while (sampling) {
    if (paused) start = performance.now() - (seq / options.rate) * 1000;
    const due = Math.floor(((performance.now() - start) / 1000) * options.rate);
    const turn: Promise<void>[] = [];
    for (; seq < due; ) {
      seq++;
      const stamp = delivery.stamp();
      last = Math.max(stamp.time, last + 1);
      const made: Sample = {
        v: 1,
        host: id,
        tier: 'fast',
        run,
        seq,
        time: last,
        interval,
        catalog: catalog.hash,
        data: {
          ...rowsOf(seq, { busy, poison: options.poisonEvery !== undefined && seq % options.poisonEvery === 0 }),
          agent: [{ tags: { tier: 'fast' }, fields: { run, seq } }],
        },
      };
      const number = seq;
      turn.push(delivery.add(made, stamp.monotonic).then(() => enter(id, run, number)));
    }
    await Promise.all(turn);
    await sleep(TICK_MS);
  }
}

function enter(host: string, run: string, seq: number): void {
  writeSync(ledger, `${host} ${run} ${seq}\n`);
  collected++;
}

async function report(): Promise<void> {
  for (;;) {
    const pending = hosts.reduce((sum, { delivery }) => sum + delivery.pending(), 0);
    process.send?.({ pending, collected, sampling });
    if (!sampling && pending === 0) break;
    await sleep(100);
  }
  closeSync(ledger);
}
