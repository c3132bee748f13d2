import { parseDuration } from '@hostwire/model';
import type { EnrolmentRecord, EnrolmentRequest } from '@hostwire/registry';
import { version } from '@hostwire/service';
import type { CAC } from 'cac';
import { enrolmentBody, requestBody } from '../api/routes/enrolments.ts';
import type { ServerOptions } from '../config/load-config.ts';
import { enrolCommands } from '../enrolment/commands.ts';
import { Downloads } from '../enrolment/downloads.ts';
import { notesOn } from '../enrolment/notes.ts';
import { describeReach, keptReach } from '../reach.ts';
import { choose } from './choose.ts';
import { UsageError } from './failure.ts';
import { labelsText, parseLabel } from './hosts.ts';
import { asWritten, eachOf, isJson, nameOf, type Parsed, serverOptions, serverOptionsOf, textOf } from './options.ts';
import { formatTime, print, printJson, printTable } from './print.ts';
import { withRegistry } from './with-registry.ts';

interface EnrolOptions {
  readonly group: string | undefined;
  readonly labels: Readonly<Record<string, string>> | undefined;
  readonly expires: string | undefined;
  readonly universal: boolean;
}

/** Who makes what the command line makes. */
const BY = 'command line';

/** `hostwire enroll`: the command for a new host, and the hosts that wait for approval. */
export function enrollCommand(cli: CAC): void {
  const actions = choose<[id: unknown, options: Parsed]>('enroll', {
    list: (_, options) => listEnrolments(serverOptionsOf(options), isJson(options)),
    approve: (id, options) => {
      const { group, labels } = enrolOptionsOf(cli, options);
      const approval = { host: asWritten(cli, options, 'host'), group, labels };
      return approve(serverOptionsOf(options), nameOf(id), approval, isJson(options));
    },
    deny: (id, options) => deny(serverOptionsOf(options), nameOf(id), isJson(options)),
    cancel: (id, options) => cancel(serverOptionsOf(options), nameOf(id), isJson(options)),
  });
  const run = (word: unknown, id: unknown, options: Parsed): unknown => {
    if (word !== undefined && actions.words.includes(String(word))) return actions(word, id, options);
    if (id !== undefined)
      throw new UsageError(
        `enroll ${String(word)} takes no ${String(id)}; there are: enroll HOST, enroll ${actions.words.join(', enroll ')}`,
      );
    return createEnrolment(
      serverOptionsOf(options),
      word === undefined ? null : String(word),
      enrolOptionsOf(cli, options),
      isJson(options),
    );
  };
  serverOptions(
    cli.command('enroll [action] [id]', 'Add a host: enroll HOST prints one command for it; list, approve ID, deny ID, cancel ID'),
    false,
  )
    .option('--group <group>', 'The group that the host is put into')
    .option('--label <key=value>', 'A label that it gets; may be given more than once')
    .option('--universal', 'A code for any number of hosts, each of which waits for approval')
    .option('--expires <duration>', 'How long the code works, e.g. 1h (default 15m, with --universal 24h)')
    .option('--host <name>', 'For approve: another name than the host asks for')
    .option('--json', 'Print JSON')
    .action(Object.assign(run, { words: actions.words }));
}

function enrolOptionsOf(cli: CAC, options: Parsed): EnrolOptions {
  const label = eachOf(options['label']);
  return {
    group: asWritten(cli, options, 'group'),
    labels: label.length === 0 ? undefined : Object.fromEntries(label.map(parseLabel)),
    expires: textOf(options, 'expires'),
    universal: options['universal'] === true,
  };
}

/** Prints the command once; of the code only a hash is kept. */
async function createEnrolment(
  options: ServerOptions,
  host: string | null,
  { group, labels, expires, universal }: EnrolOptions,
  json: boolean,
): Promise<void> {
  const lasts = expires === undefined ? undefined : parseDuration(expires);
  if (lasts === null) throw new UsageError(`--expires ${expires} is not a duration such as 15m or 24h`);
  await withRegistry(options, async ({ enrolments }, config) => {
    const { code, record } = await enrolments.create({
      kind: universal ? 'universal' : 'once',
      ...(host === null ? {} : { host }),
      ...(group === undefined ? {} : { group }),
      ...(labels === undefined ? {} : { labels }),
      ...(lasts === undefined ? {} : { expiresInMs: lasts }),
      by: BY,
    });
    const kept = keptReach(config.dataDir);
    const reach = kept ?? describeReach(config, { http: null, mqtts: null }, null);
    const commands = enrolCommands(reach, { code, host, version });
    const unknown =
      'No server has run on this data directory yet, so its address and its key are not known: start it, and then make a code.';
    const facts = {
      requiresCertificate: config.tls.clientCertificates === 'require',
      hasPackages: await new Downloads(config.downloadsDir).hasAgent(),
    };
    const notes = kept === null ? [unknown] : notesOn(record, reach, facts);
    if (json) {
      const { id, kind, replaces, expiresAt } = record;
      printJson({ id, kind, code, host, replaces, expires_at: expiresAt, commands, notes });
      return;
    }
    print(`Run on ${host ?? 'the new host'}, as root (${lifeOf(record)}):\n\n  ${commands.install}\n`);
    if (universal) print('Each host that uses it waits: hostwire enroll list shows who does, hostwire enroll approve ID lets one in.');
    for (const note of notes) print(note);
  });
}

function lifeOf({ kind, expiresAt }: EnrolmentRecord): string {
  return `the code works ${kind === 'once' ? 'once, ' : ''}until ${formatTime(expiresAt)}`;
}

function listEnrolments(options: ServerOptions, json: boolean): Promise<void> {
  return withRegistry(options, async ({ enrolments }) => {
    const found = await enrolments.list();
    if (json) {
      printJson({ enrolments: found.enrolments.map(enrolmentBody), requests: found.requests.map(requestBody) });
      return;
    }
    printTable(
      ['CODE', 'FOR', 'GROUP', 'LABELS', 'MADE', 'STATE'],
      found.enrolments.map((record) => [
        record.id,
        record.kind === 'universal' ? 'any, after approval' : (record.host ?? 'any'),
        record.group ?? '-',
        labelsText(record.labels) || '-',
        formatTime(record.createdAt),
        stateOf(record),
      ]),
    );
    if (found.requests.length === 0) return;
    print('');
    printTable(
      ['WAITING', 'HOST', 'ADDRESS', 'HOST NAME', 'OS', 'CAME', 'STATE'],
      found.requests.map(({ id, host, address, facts, createdAt, state }) => [
        ...[id, host, address, facts.hostname, facts.os || '-', formatTime(createdAt), state],
      ]),
    );
  });
}

function stateOf({ kind, usedAt, usedBy, expiresAt }: EnrolmentRecord): string {
  if (usedAt !== null && kind === 'once') return `used by ${usedBy}, ${formatTime(usedAt)}`;
  return expiresAt <= Date.now() ? 'expired' : `works until ${formatTime(expiresAt)}`;
}

function approve(
  options: ServerOptions,
  id: string,
  { host, group, labels }: { readonly host: string | undefined } & Pick<EnrolOptions, 'group' | 'labels'>,
  json: boolean,
): Promise<void> {
  return withRegistry(options, async ({ enrolments }) => {
    const request = await enrolments.approve(id, {
      ...(host === undefined ? {} : { host }),
      ...(group === undefined ? {} : { group: group === '' ? null : group }),
      ...(labels === undefined ? {} : { labels }),
      by: BY,
    });
    told(request, json, `Host ${request.host} (${request.address}) is let in; it gets its token within seconds.`);
  });
}

function deny(options: ServerOptions, id: string, json: boolean): Promise<void> {
  return withRegistry(options, async ({ enrolments }) => {
    const request = await enrolments.deny(id, BY);
    told(request, json, `Host ${request.host} (${request.address}) is denied.`);
  });
}

function told(request: EnrolmentRequest, json: boolean, sentence: string): void {
  if (json) printJson(requestBody(request));
  else print(sentence);
}

function cancel(options: ServerOptions, id: string, json: boolean): Promise<void> {
  return withRegistry(options, async ({ enrolments }) => {
    await enrolments.cancel(id);
    if (json) printJson({ id, cancelled: true });
    else print(`Code ${id} works no longer; hosts that waited with it are denied.`);
  });
}
