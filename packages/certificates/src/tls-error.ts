/**
 * Certificates that cannot be used; the message is a sentence that names the file and says what to do. `unreadable`: a file
 * is not there or may not be read. `unusable`: it holds something else than it should, or files do not fit each other.
 * `clock`: this machine's clock is far from the truth, so that a certificate made now would be wrong too.
 */
export class TlsError extends Error {
  override readonly name = 'TlsError';
  readonly code: 'unreadable' | 'unusable' | 'clock';
  constructor(code: TlsError['code'], message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}
