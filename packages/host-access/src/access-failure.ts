import { AccessError } from './host-access.ts';

const SENTENCES: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  EACCES: 'permission denied; run the agent as a user that may',
  EPERM: 'not permitted; run the agent as a user that may',
  ENOTDIR: 'a part of the path is not a directory',
  EISDIR: 'is a directory',
  EINVAL: 'the kernel refuses it',
  ENODEV: 'the device is gone',
  ECONNREFUSED: 'nobody listens there',
  ECONNRESET: 'the connection was cut',
  EHOSTUNREACH: 'there is no way to that host',
  ENETUNREACH: 'there is no way to that network',
  ENOTFOUND: 'there is no such name',
  EAI_AGAIN: 'the name server does not answer',
  ENODATA: 'the name has no record of that type',
  ESERVFAIL: 'the name server failed',
  EREFUSED: 'the name server refuses to answer',
  EIO: 'input/output error',
  EMFILE: 'too many open files; raise the limit (ulimit -n)',
};

/** What Node threw, as an AccessError with the errno's name and a sentence about `what`. */
export function toAccessError(thrown: unknown, what: string): AccessError {
  if (thrown instanceof AccessError) return thrown;
  const { code, message } = thrown instanceof Error ? (thrown as NodeJS.ErrnoException) : { code: undefined, message: String(thrown) };
  // Node's own argument errors (a NUL in a path or argument) are what the kernel would call EINVAL.
  const errno = code === undefined || /^ERR_(?!TLS_|SSL_)/.test(code) ? 'EINVAL' : code;
  const sentence = errno === 'EINVAL' && code !== 'EINVAL' ? message : (SENTENCES[errno] ?? message);
  return new AccessError(errno, `${what}: ${sentence} (${errno})`, { cause: thrown });
}

/** Why an ask was given up: `timeout` if the caller's signal says so (as AbortSignal.timeout does), else `aborted`. */
export function toAbortError(signal: AbortSignal, what: string): AccessError {
  const reason: unknown = signal.reason;
  const timedOut = reason instanceof Error && reason.name === 'TimeoutError';
  return timedOut
    ? new AccessError('timeout', `${what}: no answer in time`, { cause: reason })
    : new AccessError('aborted', `${what}: given up by the caller`, { cause: reason });
}
