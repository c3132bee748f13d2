import type { CAC } from 'cac';
import type { ActionAnswerBody, TmuxSessionBody } from '../api/session-schemas.ts';
import { choose } from './choose.ts';
import { ServerAnswerError, UsageError } from './failure.ts';
import { asOperator } from './operator.ts';
import { isJson, nameOf, type Parsed, serverOptions, serverOptionsOf, textOf } from './options.ts';
import { formatTime, print, printJson, printTable } from './print.ts';
import { withRegistry } from './with-registry.ts';

/** `session`, `action` and `audit`: what hosts are asked to do, through the server that runs on the data directory. */
export function actionCommands(cli: CAC): void {
  serverOptions(cli.command('session <action> [id]', 'tmux sessions of all hosts: list, kill ID'), false)
    .option('--status <active|legacy>', 'For list: only these')
    .option('--host <host>', 'For list: only those of this host')
    .option('--json', 'Print JSON')
    .action(choose<[id: unknown, options: Parsed]>('session', { list: (_, options) => listSessions(options), kill: killSession }));

  serverOptions(cli.command('action <host> <action>', 'Ask the agent of a host: refresh (look again at what works), dump'), false)
    .option('--minutes <count>', 'For dump: how long it writes, 1 to 60')
    .option('--json', 'Print JSON')
    .action((host: unknown, action: unknown, options: Parsed) => askAgent(nameOf(host), String(action), options));

  serverOptions(cli.command('audit', 'What hosts were asked to do, by whom, and what became of it'), false)
    .option('--host <host>', 'Only of this host')
    .option('--limit <count>', 'At most so many, the newest first (default 50)')
    .option('--json', 'Print JSON')
    .action(showAudit);
}

async function listSessions(options: Parsed): Promise<number> {
  const [status, host] = [textOf(options, 'status'), textOf(options, 'host')];
  const query = new URLSearchParams({ ...(status === undefined ? {} : { status }), ...(host === undefined ? {} : { host }) });
  return asOperator(options, async (server) => {
    const { sessions } = await server.get<{ sessions: TmuxSessionBody[] }>(`/api/sessions?${query}`);
    if (isJson(options)) printJson({ sessions });
    else if (sessions.length === 0) print('There are no sessions.');
    else {
      const rows = sessions.map((one) => [
        ...[one.id, plain(one.user), plain(one.name), one.status, `${one.attached ?? '-'}`, formatTime(one.created)],
        one.current ? (one.killable.allowed ? 'yes' : 'no') : 'not now',
      ]);
      printTable(['ID', 'USER', 'NAME', 'STATUS', 'ATTACHED', 'CREATED', 'KILLABLE'], rows);
    }
  });
}

async function killSession(given: unknown, options: Parsed): Promise<number> {
  const path = `/api/sessions/${encodeURIComponent(nameOf(given))}`;
  return asOperator(options, async (server) => {
    type Detail = { readonly session: TmuxSessionBody; readonly confirmation: { readonly token: string } | null };
    const { session, confirmation } = await server.get<Detail>(path);
    if (confirmation === null)
      throw new ServerAnswerError('action-not-allowed', session.killable.reason ?? 'The server gives no confirmation for it.');
    const answer = await server.post<ActionAnswerBody>(`${path}/kill`, { confirm: confirmation.token });
    if (isJson(options)) printJson(answer);
    else print(`Session ${plain(session.name)} of ${plain(session.user)} on ${answer.host} is ended (audit: ${answer.id}).`);
  });
}

async function askAgent(host: string, action: string, options: Parsed): Promise<number> {
  const minutes = textOf(options, 'minutes');
  if (action !== 'refresh' && action !== 'dump') throw new UsageError(`action ${action}: there are refresh and dump`);
  if (action === 'dump' && (minutes === undefined || !/^([1-9]|[1-5][0-9]|60)$/.test(minutes))) {
    throw new UsageError('action dump needs --minutes N, 1 to 60');
  }
  return asOperator(options, async (server) => {
    const body = action === 'dump' ? { minutes: Number(minutes) } : undefined;
    const answer = await server.post<ActionAnswerBody>(`/api/hosts/${encodeURIComponent(host)}/actions/${action}`, body);
    if (isJson(options)) printJson(answer);
    else print(`${host}: ${answer.action} is done (audit: ${answer.id}).`);
  });
}

function showAudit(options: Parsed): Promise<void> {
  const [host, limit = '50'] = [textOf(options, 'host'), textOf(options, 'limit')];
  if (!/^(?:[1-9]\d{0,2}|1000)$/.test(limit)) throw new UsageError(`--limit ${limit} is not a whole number from 1 to 1000`);
  return withRegistry(serverOptionsOf(options), async ({ audit }) => {
    const entries = await audit.list({ limit: Number(limit), ...(host === undefined ? {} : { host }) });
    if (isJson(options)) printJson({ entries });
    else if (entries.length === 0) print('Nothing was asked of a host yet.');
    else {
      const rows = entries.map(({ at, host: of, action, actor, result, reason }) => {
        return [formatTime(at), of, plain(action), actor ?? '-', result, plain(reason ?? '')];
      });
      printTable(['TIME', 'HOST', 'ACTION', 'BY', 'RESULT', 'REASON'], rows);
    }
  });
}

/** Text of a host, for a terminal: without what could change how it shows the rest. */
function plain(text: string): string {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '?');
}
