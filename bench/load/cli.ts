/** `node --conditions=@hostwire/source --import tsx bench/load/cli.ts --port 1883 --credentials FILE --seconds 10`: see `usage`. */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { runLoad } from './run-load.ts';

const usage = `options:
  --port N            of the broker; --address A (default 127.0.0.1)
  --credentials FILE  the hosts to simulate, a line "id token" each
  --mode puback|ack   what makes a sample done (default puback)
  --in-flight N       samples of a host that are not done (default 20)
  --rate N            samples per second in all (default: as fast as they are done)
  --seconds N, --samples N, or SIGINT end it
  --ledger FILE       gets "host run seq" for every acknowledged sample (mode ack)
The report is one line of JSON on standard output.
`;

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '1883' },
    address: { type: 'string', default: '127.0.0.1' },
    credentials: { type: 'string' },
    mode: { type: 'string', default: 'puback' },
    'in-flight': { type: 'string', default: '20' },
    rate: { type: 'string' },
    seconds: { type: 'string' },
    samples: { type: 'string' },
    ledger: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

if (values.help || values.credentials === undefined) {
  process.stderr.write(usage);
  process.exit(values.help ? 0 : 2);
}

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());

const report = await runLoad({
  address: values.address,
  port: Number(values.port),
  hosts: readFileSync(values.credentials, 'utf8')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [id = '', token = ''] = line.trim().split(/\s+/);
      return { id, token };
    }),
  mode: values.mode === 'ack' ? 'ack' : 'puback',
  inFlight: Number(values['in-flight']),
  signal: stop.signal,
  ...(values.rate === undefined ? {} : { rate: Number(values.rate) }),
  ...(values.seconds === undefined ? {} : { seconds: Number(values.seconds) }),
  ...(values.samples === undefined ? {} : { samples: Number(values.samples) }),
  ...(values.ledger === undefined ? {} : { ledger: values.ledger }),
});
process.stdout.write(`${JSON.stringify(report)}\n`);
