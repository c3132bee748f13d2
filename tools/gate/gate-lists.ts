import type { CollectorNeeds, CommandNeed } from '@hostwire/collectors';
import { toEre } from './to-ere.ts';

/** What the agent itself asks of a host, beside its collectors: who and what it is. */
export const AGENT_NEEDS: CollectorNeeds = {
  commands: [
    { command: 'uname', args: ['-m'] },
    { command: 'id', args: ['-un'] },
    { command: 'id', args: ['-Gn'] },
  ],
  files: ['/etc/os-release', '/etc/hostname', '/etc/group', '/etc/passwd'],
};

/**
 * The functions of infra/gate/frame.sh that say what may be run, read and asked for, as POSIX shell text. Throws an Error that names
 * a need which cannot be told to a shell.
 */
export function gateLists(needs: readonly CollectorNeeds[]): string {
  const commands = unique(needs.flatMap(({ commands = [] }) => commands.map(commandLine)));
  const files = unique(needs.flatMap(({ files = [] }) => files));
  const gets = unique(needs.flatMap(({ sockets = [] }) => sockets.flatMap(({ path, get }) => get.map((ask) => getLine(path, ask)))));
  return [
    '# may_run RIGHTS COMMAND ARG...: root only for what needs it.',
    'may_run() {',
    ...commands.map((line) => `  ${line}`),
    '  return 1',
    '}',
    '',
    '# may_look_beyond KIND PATH: files beyond /proc and /sys, and the folders of those that are known by a part of their name.',
    'may_look_beyond() {',
    ...files.flatMap(fileLines).map((line) => `  ${line}`),
    '  return 1',
    '}',
    '',
    '# may_get SOCKET PATH',
    'may_get() {',
    '  case $2 in *..* | *//*) return 1 ;; esac',
    ...gets.map((line) => `  ${line}`),
    '  return 1',
    '}',
  ].join('\n');
}

function commandLine({ command, args, sudo = false }: CommandNeed): string {
  const rights = sudo ? [] : ['[ "$1" = direct ]'];
  // The cheap comparisons go first.
  const fixed = args.flatMap((arg, at) => (typeof arg === 'string' ? [`[ "$${place(at)}" = ${quote(arg)} ]`] : []));
  const patterns = args.flatMap((arg, at) => (typeof arg === 'string' ? [] : [`fits ${quote(toEre(arg.pattern))} "$${place(at)}"`]));
  return [`[ "$#-$2" = ${quote(`${args.length + 2}-${command}`)} ]`, ...rights, ...fixed, ...patterns, 'return 0'].join(' && ');
}

/** The place of an argument after RIGHTS and COMMAND. */
function place(at: number): string {
  return at + 3 < 10 ? String(at + 3) : `{${at + 3}}`;
}

/**
 * A file that is named wholly may be a link that its owner made; one that is known by a part of its name must be what it says. Folders
 * whose names have to be found out may be listed.
 */
function fileLines(path: string): string[] {
  if (!path.includes('*')) return [`[ "$2" = ${quote(path)} ] && return 0`];
  const parts = path.split('/');
  const folders = parts.flatMap((part, at) => (part.includes('*') ? [parts.slice(0, at).join('/')] : []));
  return [
    ...folders.map((folder) => (folder.includes('*') ? found('=', folder) : `[ "$1-$2" = ${quote(`d-${folder}`)} ] && return 0`)),
    found('!=', path),
  ];
}

/** Whether it is to be listed (`=`) or not (`!=`). */
function found(list: '=' | '!=', path: string): string {
  const pattern = quote(part(path, ANY_NAME));
  return `if [ "$1" ${list} d ] && fits ${pattern} "$2"; then case $(readlink -f -- "$2") in "$2" | '') return 0 ;; esac; fi`;
}

/** `*` between two slashes is a name, after `=` a value, and at the end of a word the query, if there is one. */
function getLine(socket: string, ask: string): string {
  const hasAnyQuery = /[^/=]\*$/.test(ask) && !ask.includes('?');
  const [path = '', query] = (hasAnyQuery ? ask.slice(0, -1) : ask).split(/\?(.*)/s, 2);
  const rest = hasAnyQuery ? `(\\?${ANY_QUERY}*)?` : query === undefined ? '' : `\\?${part(query, `${ANY_VALUE}*`)}`;
  const isIt = socket.includes('*') ? `fits ${quote(part(socket, ANY_NAME))} "$1"` : `[ "$1" = ${quote(socket)} ]`;
  return `${isIt} && fits ${quote(`${part(path, ANY_NAME)}${rest}`)} "$2" && return 0`;
}

const ANY_NAME = '[A-Za-z0-9_.:@+-]+';
const ANY_VALUE = '[A-Za-z0-9_.:%~,+-]';
const ANY_QUERY = '[A-Za-z0-9_.:%~,+=&-]';

/** An extended regular expression for a text in which `*` is what `any` matches. */
function part(text: string, any: string): string {
  return text.split('*').map(literal).join(any);
}

function literal(text: string): string {
  return text.replaceAll(/[.[\]{}()+?^$|\\]/g, '\\$&');
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function unique(lines: readonly string[]): string[] {
  return [...new Set(lines)].sort();
}
