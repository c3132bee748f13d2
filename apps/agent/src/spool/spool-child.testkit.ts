import { createLogger } from '@hostwire/service';
import { TickClock } from '../tick-clock.ts';
import { openSpool } from './open-spool.ts';

// A process that fills a spool and says on standard output what is in it, to be killed at any moment.
const [folder = '', run = '', bytes = '0', maxBytes = '0', ack = ''] = process.argv.slice(2);
const logger = createLogger({ name: 'child', level: 'warn', destination: 2, pretty: false });
const clock = new TickClock();
const { spool } = await openSpool({ folder, clock, logger, minFreeBytes: 0, maxBytes: Number(maxBytes), timing: { noteMs: 5 } });
for (let seq = 1; ; seq++) {
  const data = { m: [{ fields: { text: 'x'.repeat(Number(bytes)) } }] };
  const sample = { v: 1, host: 'h', tier: 'fast', run, seq, time: clock.now(), interval: 5, catalog: 'c', data } as const;
  await spool.append(sample, clock.monotonic()).settled;
  process.stdout.write(`${seq}\n`);
  if (ack !== '' && seq % 3 === 0) spool.forget(run, [[seq - 1, seq - 1]]);
}
