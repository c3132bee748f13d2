/** Codes with which the programs end. `docs/reference/exit-codes.md` is made of `EXIT_MEANINGS`. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  /** `hostwire status` */
  notRunning: 3,
  /** `hostwire-agent enroll` */
  refused: 3,
  untrusted: 4,
  interrupted: 130,
  terminated: 143,
} as const;

export interface ExitMeaning {
  readonly code: number;
  readonly meaning: string;
}

const OF_BOTH: readonly ExitMeaning[] = [
  { code: EXIT.interrupted, meaning: 'A second Ctrl-C (SIGINT) came while it was stopping.' },
  { code: EXIT.terminated, meaning: 'A second SIGTERM came while it was stopping.' },
];

/** What each code of each program means. */
export const EXIT_MEANINGS: Readonly<Record<'hostwire' | 'hostwire-agent', readonly ExitMeaning[]>> = {
  hostwire: [
    { code: EXIT.ok, meaning: 'Done, or stopped as asked. `doctor`: no errors, warnings perhaps.' },
    { code: EXIT.failed, meaning: 'Failed; standard error says why. `doctor`: it found errors.' },
    { code: EXIT.usage, meaning: 'The command line or the configuration cannot be used; standard error names each problem.' },
    { code: EXIT.notRunning, meaning: '`status`: no server answers on this data directory.' },
    ...OF_BOTH,
  ],
  'hostwire-agent': [
    { code: EXIT.ok, meaning: 'Done, or stopped as asked. `enroll`: enrolled. `doctor`: no errors, warnings perhaps.' },
    { code: EXIT.failed, meaning: 'Failed; standard error says why. `doctor`: it found errors. `verify`: something could not be read.' },
    { code: EXIT.usage, meaning: 'The command line or the configuration cannot be used; standard error names each problem.' },
    { code: EXIT.refused, meaning: '`enroll`: the server refused the code.' },
    { code: EXIT.untrusted, meaning: '`enroll`: the server is not the one that the pin or the CA names.' },
    ...OF_BOTH,
  ],
};
