import { AccessError } from '../host-access.ts';
import { markOf } from './remote-asks.ts';

/** What a channel gave, whole. */
export interface RemoteOutput {
  readonly stdout: Buffer;
  readonly stderr: string;
  /** Null if the host ended the channel without one. */
  readonly exitCode: number | null;
}

/** Exit codes of the worker and of the gate. */
const COULD_NOT_ASK = 76;
export const REFUSED = 77;

const SENTENCES: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist there',
  EACCES: 'permission denied there; the user that the agent comes as must be allowed to',
  ECONNREFUSED: 'nobody listens there',
  ENOTDIR: 'a part of the path is not a directory',
  ENOSYS: 'the host has neither curl nor perl, and one of them is needed to ask a socket',
};

/** Messages of strerror(3) in the C locale, of glibc and of musl, as cat(1) ends its lines with them. */
const MESSAGES: Readonly<Record<string, string>> = {
  'No such file or directory': 'ENOENT',
  'Permission denied': 'EACCES',
  'Operation not permitted': 'EPERM',
  'Is a directory': 'EISDIR',
  'Not a directory': 'ENOTDIR',
  'No such process': 'ESRCH',
  'Invalid argument': 'EINVAL',
  'No such device': 'ENODEV',
  'No such device or address': 'ENXIO',
  'Too many levels of symbolic links': 'ELOOP',
  'Symbolic link loop': 'ELOOP',
  'File name too long': 'ENAMETOOLONG',
  'No data available': 'ENODATA',
  'Resource temporarily unavailable': 'EAGAIN',
  'Device or resource busy': 'EBUSY',
  'Stale file handle': 'ESTALE',
  'Transport endpoint is not connected': 'ENOTCONN',
  'Operation not supported': 'EOPNOTSUPP',
};

export function remoteFailure(code: string, what: string): AccessError {
  return new AccessError(code, `${what}: ${SENTENCES[code] ?? 'the host could not'} (${code})`);
}

/** Throws what the gate or the worker says instead of an answer; `what` names the ask. */
export function checkOutput({ stderr, exitCode }: RemoteOutput, nonce: string, what: string): void {
  if (exitCode === REFUSED) {
    const reason = /^hostwire-gate: refused: ([ -~]{1,300})$/m.exec(stderr)?.[1];
    if (reason !== undefined) {
      throw new AccessError(
        'EACCES',
        `${what}: the gate of the host refuses it: ${reason}; bring the gate up to date (infra/deploy-key.sh)`,
      );
    }
  }
  if (exitCode !== COULD_NOT_ASK) return;
  const code = new RegExp(`^${nonce} ([A-Z]{2,20})$`, 'm').exec(stderr)?.[1];
  if (code === 'NEEDSROOT' || code === 'NOSUDO') {
    const advice = code === 'NOSUDO' ? 'sudo is not installed there' : 'set sudo = true in agent.toml';
    throw new AccessError('EACCES', `${what}: needs root; ${advice}, and deploy the key with --sudoers`);
  }
  if (code !== undefined) throw remoteFailure(code, what);
}

/** What comes after the mark. Throws AccessError EIO if there is none: whoever answered is not who was asked. */
export function afterMark(bytes: Buffer, nonce: string, what: string): Buffer {
  const mark = markOf(nonce);
  const at = bytes.indexOf(mark);
  if (at === -1) throw garbled(what);
  return bytes.subarray(at + mark.length);
}

/** Standard error of a command, without what a login shell said before. */
export function commandErrors(stderr: string, nonce: string): string {
  const line = `${nonce}\n`;
  const at = stderr.indexOf(line);
  return at === -1 ? stderr : stderr.slice(at + line.length);
}

/**
 * The answers to a batch, one for each word, in order. Throws AccessError EIO if the answer is none, or not whole: it ends in a
 * mark and `end`.
 */
export function batchAnswers({ stdout, stderr }: RemoteOutput, nonce: string, words: readonly string[]): (Buffer | AccessError)[] {
  const mark = markOf(nonce);
  const frames: Buffer[] = [];
  for (let at = stdout.indexOf(mark); at !== -1; ) {
    const begin = at + mark.length;
    at = stdout.indexOf(mark, begin);
    frames.push(stdout.subarray(begin, at === -1 ? stdout.length : at));
  }
  if (frames.pop()?.toString() !== 'end' || frames.length !== words.length) throw garbled('the files that were asked for');
  const failures = failuresOf(stderr, nonce, words);
  return frames.map((frame, index) => {
    const code = failures.get(index);
    return code === undefined ? frame : remoteFailure(code, (words[index] ?? '').slice(1));
  });
}

function failuresOf(stderr: string, nonce: string, words: readonly string[]): ReadonlyMap<number, string> {
  const failures = new Map<number, string>();
  if (stderr === '') return failures;
  const places = new Map<string, number[]>();
  for (const [index, word] of words.entries()) {
    if (word.startsWith('r')) places.set(word.slice(1), [...(places.get(word.slice(1)) ?? []), index]);
  }
  const own = new RegExp(`^${nonce} (\\d{1,6}) ([A-Z]{2,20})$`);
  for (const line of stderr.split('\n')) {
    const [, place, code = 'EIO'] = own.exec(line) ?? [];
    if (place !== undefined) failures.set(Number(place), code);
    const ofCat = place === undefined ? catFailure(line) : null;
    for (const index of places.get(ofCat?.path ?? '') ?? []) failures.set(index, ofCat?.code ?? 'EIO');
  }
  return failures;
}

/** coreutils: `PATH: MESSAGE`, the path in quotes if it needs them; BusyBox: `can't open 'PATH': MESSAGE`. */
function catFailure(line: string): { readonly path: string; readonly code: string } | null {
  const [, subject, message = ''] = /^cat: (.*): ([^:]*)$/.exec(line) ?? [];
  if (subject === undefined) return null;
  const path = subject.replace(/^can't open /, '').replace(/^'(.*)'$/, '$1');
  return { path, code: MESSAGES[message] ?? 'EIO' };
}

export function garbled(what: string): AccessError {
  return new AccessError('EIO', `${what}: what the host answers is not whole, or not an answer (EIO)`);
}
