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
const HUNG_MS = 60_000;
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
const perMs = options.rate / 1000;
const catalog = toCatalog([]);
const logger = createLogger({ name: 'farm', level: 'warn', destination: 2 });
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
  const { doubtMs, ...spool } = options.spool ?? {};
  const delivery = await openDelivery({
    connection: { url: options.brokerUrl, token },
    host: id,
    run,
    // The ledger is of what is in the spool: a disk that is slow on a busy machine is waited for.
    spool: { folder: join(options.folder, id), timing: { hungMs: HUNG_MS, ...(doubtMs === undefined ? {} : { doubtMs }) }, ...spool },
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
  // Each has the moment when it was due, also if this process came to it later: no two of a host have one time, not even across
  // a restart.
  let start = delivery.stamp();
  let seq = 0;
  while (sampling) {
    const now = delivery.stamp();
    if (paused) start = { time: now.time - seq / perMs, monotonic: now.monotonic - seq / perMs };
    const due = Math.floor((now.monotonic - start.monotonic) * perMs);
    const turn: Promise<void>[] = [];
    while (seq < due) {
      const number = ++seq;
      const made: Sample = {
        v: 1,
        host: id,
        tier: 'fast',
        run,
        seq: number,
        time: Math.floor(start.time + number / perMs),
        interval,
        catalog: catalog.hash,
        data: {
          ...rowsOf(number, { busy, poison: options.poisonEvery !== undefined && number % options.poisonEvery === 0 }),
          agent: [{ tags: { tier: 'fast' }, fields: { run, seq: number } }],
        },
      };
      turn.push(delivery.add(made, start.monotonic + number / perMs).then(() => enter(id, run, number)));
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
