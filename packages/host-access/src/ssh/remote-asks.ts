import { COMMAND_PATH } from '../local-command.ts';
import { REMOTE_WORKER } from './remote-worker.gen.ts';

/** One ask of a host, in the words of `remote-worker.sh`. */
export interface RemoteAsk {
  readonly verb: 'hello' | 'batch' | 'run' | 'file_system' | 'http';
  readonly words: readonly string[];
  /** 32 hex digits that nobody else knows: what comes before it is not the answer. */
  readonly nonce: string;
  /** After so many the host itself gives up. */
  readonly seconds: number;
}

/** Version of what is said to a gate; it says its own. */
export const GATE_VERSION = 1;

/** Every answer begins with it. */
export function markOf(nonce: string): Buffer {
  return Buffer.from(`M=${nonce}\0`);
}

/**
 * The command line for a host whose authorized_keys forces the gate: one line of letters, digits and a few signs, which no
 * shell takes for its own. The gate takes `%XX` for what is none of these, and `%_` for an empty word.
 */
export function gateCommand({ verb, words, nonce, seconds }: RemoteAsk): string {
  return [`hostwire-${GATE_VERSION}`, verb, nonce, String(seconds), ...words.map(encodeWord)].join(' ');
}

/** The script for `sh -s` on a host without a gate. */
export function remoteScript({ verb, words, nonce, seconds }: RemoteAsk): string {
  return `set -fu
IFS=' '
PATH=${COMMAND_PATH}
LC_ALL=C
nonce=${nonce}
seconds=${seconds}
admit() { path=\${1#?}; denied=; }
hello() { mark; printf open; }
${PLAIN_WORKER}
${[verb, ...words.map(quote)].join(' ')}
exit
`;
}

/** Without comments: it is sent with every ask. */
const PLAIN_WORKER = REMOTE_WORKER.replaceAll(/^ *#.*\n/gm, '');

function encodeWord(word: string): string {
  if (word === '') return '%_';
  return word.replaceAll(/[^A-Za-z0-9_./:,@+=-]/g, (char) =>
    [...Buffer.from(char)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
  );
}

/** A word for a POSIX shell; a NUL, which none can hold, is left to whoever asks. */
function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
