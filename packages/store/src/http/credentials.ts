/** What a client showed: a token, or a name and a password (which may be a token too). */
export interface Credentials {
  readonly token?: string;
  readonly username?: string;
  readonly password?: string;
}

/** From the Authorization header (`Token x`, `Bearer x`, Basic), else from `u` and `p`. Null: none were shown. */
export function readCredentials(authorization: string | undefined, parameters: URLSearchParams): Credentials | null {
  if (authorization !== undefined) return fromHeader(authorization);
  const username = parameters.get('u');
  const password = parameters.get('p');
  if (username === null && password === null) return null;
  return { username: username ?? '', password: password ?? '' };
}

function fromHeader(authorization: string): Credentials | null {
  const [, scheme = '', value = ''] = /^(\S+)\s+(.+)$/.exec(authorization) ?? [];
  switch (scheme.toLowerCase()) {
    case 'bearer':
      return { token: value };
    case 'token':
      return fromToken(value);
    case 'basic':
      return fromPair(Buffer.from(value, 'base64').toString('utf8'));
    default:
      return null;
  }
}

/** 1.8 takes `Token user:password` as well. */
function fromToken(value: string): Credentials {
  return value.includes(':') ? fromPair(value) : { token: value };
}

function fromPair(pair: string): Credentials {
  const colon = pair.indexOf(':');
  return colon === -1 ? { username: pair, password: '' } : { username: pair.slice(0, colon), password: pair.slice(colon + 1) };
}
