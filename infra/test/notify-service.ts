// A service for notify.test.ts: ready at once, then does what its standard input says.
import { createInterface } from 'node:readline';
import { createLogger, createNotifier } from '@hostwire/service';

let silent: string[] = [];
const notifier = createNotifier({ logger: createLogger({ name: 'test', destination: 2 }) });
notifier.ready('serving\n2 hosts');
notifier.watch(async () => silent);

createInterface({ input: process.stdin }).on('line', (line) => {
  const [order, value = ''] = line.split(' ');
  if (order === 'block') for (const until = Date.now() + Number(value); Date.now() < until; );
  else if (order === 'silent') silent = value === '' ? [] : [value];
  else if (order === 'status') notifier.status(value);
  else if (order === 'env') process.stdout.write(`${JSON.stringify(process.env['NOTIFY_SOCKET'] ?? null)}\n`);
  else if (order === 'stop') notifier.stopping();
});
