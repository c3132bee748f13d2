import { AccessError, type CertificateFacts, type DialAnswer, type HostAccess } from '@hostwire/host-access';

/** What parsers meet where a number or a word should be. */
const SURPRISES = [
  ...['', ' ', '0', '-1', '1e999', 'NaN', 'Infinity', '18446744073709551616', '99999999999999999999999', '0x1f', '1.5', '-', 'N/A', 'null'],
  ...[
    '[]',
    '{}',
    '"',
    "'",
    '\\',
    '\n',
    '\r\n',
    '\t',
    '\0',
    '\u001b[31m',
    '<a>',
    '</a>',
    '&amp;',
    '%s',
    '__proto__',
    'constructor',
    ',',
    '=',
    ':',
  ],
  ...['\u00e9', '\u{1f600}', 'a'.repeat(5000), '../../etc/passwd', '[unknown]', 'true', '(', ')', '|'],
];

/** A generator of numbers in [0, 1) that gives the same ones for the same seed (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A text with one to three things in it that were not there before, or without things that were. */
export function mutateText(text: string, random: () => number): string {
  let mutated = text;
  for (let left = 1 + Math.floor(random() * 3); left > 0; left--) mutated = mutateOnce(mutated, random);
  return mutated;
}

function mutateOnce(text: string, random: () => number): string {
  const at = Math.floor(random() * (text.length + 1));
  const end = Math.min(text.length, at + Math.floor(random() ** 3 * text.length) + 1);
  const surprise = SURPRISES[Math.floor(random() * SURPRISES.length)] ?? '';
  const words = [...text.matchAll(/[\w.+-]+/g)];
  const word = words[Math.floor(random() * words.length)];
  switch (Math.floor(random() * 8)) {
    case 0:
      return text.slice(0, at);
    case 1:
      return text.slice(0, at) + text.slice(end);
    case 2:
      return text.slice(0, end) + text.slice(at);
    case 3:
      return text.slice(0, at) + surprise + text.slice(at);
    case 4: {
      const lines = text.split('\n');
      const line = Math.floor(random() * lines.length);
      lines.splice(line, 1, ...(random() < 0.5 ? [] : [lines[line] ?? '', lines[line] ?? '']));
      return lines.join('\n');
    }
    default:
      // Most parsers look at words: this comes furthest.
      return word === undefined ? surprise : text.slice(0, word.index) + surprise + text.slice(word.index + word[0].length);
  }
}

/** The same host, but that one answer in `each` is not what it was, or does not come at all. */
export function mutateAccess(access: HostAccess, random: () => number, each: number): HostAccess {
  const text = (answer: string) => (random() < 1 / each ? mutateText(answer, random) : answer);
  const mayFail = (what: string) => {
    if (random() < 0.05 / each) throw new AccessError(random() < 0.5 ? 'ENOENT' : 'EIO', `${what}: cannot be asked`);
  };
  return Object.assign(Object.create(access) as HostAccess, {
    async exec(...asked: Parameters<HostAccess['exec']>) {
      mayFail(asked[0]);
      const { exitCode, stdout, stderr } = await access.exec(...asked);
      return { exitCode: random() < 0.1 / each ? Math.floor(random() * 256) : exitCode, stdout: text(stdout), stderr: text(stderr) };
    },
    async readFile(...asked: Parameters<HostAccess['readFile']>) {
      mayFail(asked[0]);
      return text(await access.readFile(...asked));
    },
    async readFiles(...asked: Parameters<HostAccess['readFiles']>) {
      const answers = await access.readFiles(...asked);
      return answers.map((answer) => (typeof answer === 'string' ? text(answer) : answer));
    },
    async readLink(...asked: Parameters<HostAccess['readLink']>) {
      mayFail(asked[0]);
      return text(await access.readLink(...asked));
    },
    async readDir(...asked: Parameters<HostAccess['readDir']>) {
      mayFail(asked[0]);
      const names = await access.readDir(...asked);
      return random() < 0.2 / each ? names.slice(0, Math.floor(random() * names.length)) : names;
    },
    async request(...asked: Parameters<HostAccess['request']>) {
      mayFail(asked[0].path);
      const answer = await access.request(...asked);
      return { ...answer, status: random() < 0.1 / each ? 500 : answer.status, body: text(answer.body) };
    },
    statFs: (...asked: Parameters<HostAccess['statFs']>) => access.statFs(...asked),
    async dial(...asked: Parameters<HostAccess['dial']>) {
      mayFail('port');
      const answer = await access.dial(...asked);
      const { certificate } = answer;
      const ended = random() < 0.5 / each ? (ENDS[Math.floor(random() * ENDS.length)] ?? 'done') : answer.ended;
      const chain = certificate?.chain.map((facts) => mutateFacts(facts, text, random() < 0.2 / each));
      return {
        ...answer,
        ended,
        bytes: Buffer.from(text(Buffer.from(answer.bytes).toString())),
        ...(certificate === undefined || chain === undefined
          ? {}
          : { certificate: { ...certificate, chain: random() < 0.1 / each ? [] : chain } }),
      };
    },
    async resolve(...asked: Parameters<HostAccess['resolve']>) {
      mayFail(asked[0]);
      const { answers, timeMs } = await access.resolve(...asked);
      return { answers: answers.map(text), timeMs };
    },
  } satisfies Partial<HostAccess>);
}

const ENDS: readonly DialAnswer['ended'][] = ['done', 'closed', 'timeout', 'full'];

function mutateFacts(facts: CertificateFacts, text: (answer: string) => string, isOdd: boolean): CertificateFacts {
  const attributes = (name: CertificateFacts['subject']) =>
    Object.fromEntries(Object.entries(name).map(([key, value]) => [text(key), text(value)]));
  return {
    ...facts,
    subject: attributes(facts.subject),
    issuer: attributes(facts.issuer),
    serialNumber: text(facts.serialNumber),
    san: facts.san.map(text),
    ...(isOdd ? { validTo: Number.NaN } : {}),
  };
}
