/** A port that cannot be listened on; the message is one sentence for the user. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
  readonly code = 'listen';
}

/** The error of a `listen` in a sentence that names the option to change; any other error as it is. */
export function listenFailure(error: unknown, what: string, address: string, port: number, option: string): unknown {
  const { code } = error as NodeJS.ErrnoException;
  const reason = REASONS[code ?? ''];
  if (reason === undefined) return error;
  return new ListenError(`Cannot serve ${what}: port ${port} on ${address} ${reason}; choose another with ${option}.`, { cause: error });
}

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'is in use by another program',
  EACCES: 'needs more rights than this user has',
  EADDRNOTAVAIL: 'cannot be had, because no interface of this machine has that address',
};
