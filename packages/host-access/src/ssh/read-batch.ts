import { AccessError } from '../host-access.ts';

/** One thing to read, list or follow: `r`, `d` or `l` and the path. */
export type BatchWord = string;

interface Waiting {
  readonly word: BatchWord;
  readonly settle: (answer: Buffer | AccessError) => void;
}

/** What is asked within so many ms goes in one round trip. */
const WINDOW_MS = 2;
/** Most of one round trip, and bytes of its words: the kernel takes 128 KiB in one string (execve(2)), some for what is around. */
const MAX_WORDS = 1_500;
const MAX_WORD_BYTES = 64 * 1024;

/**
 * Gathers what is asked at about the same time, as the collectors of a tick do. `ask` gets the words and resolves with their answers
 * in that order; what it rejects with is the answer to all of them.
 */
export class ReadBatch {
  readonly #ask: (words: readonly BatchWord[]) => Promise<readonly (Buffer | AccessError)[]>;
  #waiting: Waiting[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(ask: (words: readonly BatchWord[]) => Promise<readonly (Buffer | AccessError)[]>) {
    this.#ask = ask;
  }

  /** Never rejects. */
  add(word: BatchWord): Promise<Buffer | AccessError> {
    return new Promise((settle) => {
      this.#waiting.push({ word, settle });
      this.#timer ??= setTimeout(() => this.#flush(), WINDOW_MS);
    });
  }

  #flush(): void {
    this.#timer = undefined;
    // The host reads files in a row with one program, so they go together.
    const all = this.#waiting.toSorted((a, b) => Number(b.word.startsWith('r')) - Number(a.word.startsWith('r')));
    this.#waiting = [];
    for (const part of divide(all)) void this.#send(part);
  }

  async #send(part: readonly Waiting[]): Promise<void> {
    let answers: readonly (Buffer | AccessError)[];
    try {
      answers = await this.#ask(part.map(({ word }) => word));
    } catch (thrown) {
      const failure = thrown instanceof AccessError ? thrown : new AccessError('EIO', String(thrown), { cause: thrown });
      answers = part.map(() => failure);
    }
    for (const [index, { settle }] of part.entries()) settle(answers[index] ?? new AccessError('EIO', 'no answer (EIO)'));
  }
}

function* divide(all: readonly Waiting[]): Generator<readonly Waiting[]> {
  let part: Waiting[] = [];
  let bytes = 0;
  for (const each of all) {
    const length = Buffer.byteLength(each.word) + 1;
    if (part.length === MAX_WORDS || (bytes + length > MAX_WORD_BYTES && part.length > 0)) {
      yield part;
      part = [];
      bytes = 0;
    }
    part.push(each);
    bytes += length;
  }
  if (part.length > 0) yield part;
}
