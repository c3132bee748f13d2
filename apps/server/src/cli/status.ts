import { EXIT } from '@hostwire/service';
import { describeBytes, describeDuration } from '@hostwire/service/doctor';
import type { CAC } from 'cac';
import { loadConfig } from '../config/load-config.ts';
import { findRunningServer, type RunningServer } from '../doctor/running-server.ts';
import { askStatus, type ServerStatus } from '../doctor/server-status.ts';
import { isJson, type Parsed, serverOptions, serverOptionsOf } from './options.ts';
import { formatTime, print, printJson } from './print.ts';

const SHOWN_PROBLEMS = 5;

/** `status`: what the server on a data directory is doing. Ends with 3 if none runs, 1 if its API does not answer. */
export function statusCommand(cli: CAC): void {
  serverOptions(cli.command('status', 'What the server is doing: since when, hosts, rates, what is not well'), false)
    .option('--json', 'Print JSON')
    .action(async (options: Parsed) => {
      const { dataDir } = loadConfig(serverOptionsOf(options));
      const running = await findRunningServer({ dataDir });
      if (running.instances.length === 0) {
        if (isJson(options)) printJson({ running: false, data_dir: dataDir });
        else print(`No server runs on ${dataDir}. Start it: systemctl start hostwire, or npm start in a checkout.`);
        return EXIT.notRunning;
      }
      if (running.health === null) return sayUnanswered(running, dataDir, isJson(options));
      const status = await askStatus(running);
      if (isJson(options)) printJson(status);
      else print(describe(status, dataDir));
      return EXIT.ok;
    });
}

function sayUnanswered({ instances, address }: RunningServer, dataDir: string, json: boolean): number {
  if (json) printJson({ running: true, data_dir: dataDir, processes: instances.map((instance) => ({ instance })) });
  else print(`${instances.join(', ')} runs on ${dataDir}, and no API answers at ${address ?? 'any address'}. hostwire doctor says more.`);
  return EXIT.failed;
}

function describe(status: ServerStatus, dataDir: string): string {
  const { version, started_at: startedAt, hosts, rates, alerts, degraded, warnings, store, processes, problems } = status;
  const lines: [string, string][] = [
    ['Dashboard', status.address],
    ...processes.map(({ instance, roles, degraded: own }): [string, string] => [
      'Process',
      `${instance}: ${roles.join(', ')}${own.length === 0 ? '' : `; not well: ${own.join(', ')}`}`,
    ]),
    [
      'Hosts',
      `${hosts.total}: ${hosts.online} online, ${hosts.offline} offline, ${hosts.never_connected} never connected${hosts.unknown === 0 ? '' : `, ${hosts.unknown} unknown (their gateway is not online)`}${hosts.late === 0 ? '' : `, ${hosts.late} late`}`,
    ],
    [
      'Rates',
      `${rates.samples_per_second} samples/s, ${rates.points_per_second} points/s, ${describeBytes(rates.bytes_per_second)}/s from hosts (means since the start)`,
    ],
    ['Alerts', `${alerts.firing} firing, ${alerts.pending} pending`],
    ['Store', describeStore(store)],
    ['Data', dataDir],
    ['Gaps', `${status.gaps_24h ?? 'not known'} in 24 h; ${status.dead_letters} messages set aside since the start`],
    ['Not well', degraded.length === 0 ? '-' : `${degraded.join(', ')} (hostwire doctor says what to do)`],
    ...warnings.map(({ message }): [string, string] => ['Warning', message]),
  ];
  const width = Math.max(...lines.map(([name]) => name.length)) + 2;
  const logged = problems
    .slice(0, SHOWN_PROBLEMS)
    .map(({ time, level, message, count }) => `  ${formatTime(time)} ${level} ${message}${count === 1 ? '' : ` (${count} times)`}`);
  return [
    `Hostwire ${version} runs since ${formatTime(startedAt)} (${describeDuration(Date.now() - startedAt)})`,
    ...lines.map(([name, value]) => `  ${name.padEnd(width)}${value}`),
    ...(logged.length === 0 ? [] : ['Last warnings and errors', ...logged]),
  ].join('\n');
}

function describeStore({ kind, url, bytes, series }: ServerStatus['store']): string {
  const where = url === null ? kind : `${kind} at ${url}`;
  return `${where}${bytes === null ? '' : `, ${describeBytes(bytes)}`}${series === null ? '' : `, ${series} series`}`;
}
