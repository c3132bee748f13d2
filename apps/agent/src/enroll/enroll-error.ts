import { EXIT } from '@hostwire/service';

const EXIT_OF = { failed: EXIT.failed, refused: EXIT.refused, untrusted: EXIT.untrusted } as const;

/** Why this host was not enrolled: `refused` by the server, `untrusted` is the server. The message says what to do. */
export class EnrollError extends Error {
  override readonly name = 'EnrollError';
  readonly code: keyof typeof EXIT_OF;
  /** Asking again in a moment may help. */
  readonly isPassing: boolean;
  constructor(code: keyof typeof EXIT_OF, message: string, { cause, isPassing = false }: { cause?: unknown; isPassing?: boolean } = {}) {
    super(message, { cause });
    this.code = code;
    this.isPassing = isPassing;
  }

  get exitCode(): number {
    return EXIT_OF[this.code];
  }
}
