import { createHmac, timingSafeEqual } from 'node:crypto';

/** What a known_hosts file (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT") says of a host. */
export interface KnownHost {
  /** Keys that it may show, as blobs (RFC 4253 section 6.6) by type. */
  readonly keys: readonly HostKey[];
  readonly revoked: readonly HostKey[];
}

export interface HostKey {
  readonly type: string;
  readonly blob: Buffer;
}

/** `known`: it is one of those. `changed`: the host is known, with others. */
export type KeyVerdict = 'known' | 'unknown' | 'changed' | 'revoked';

/** Names of hosts as the file has them: the port stands there only if it is not 22. */
export function hostName(host: string, port: number): string {
  const name = host.toLowerCase();
  return port === 22 ? name : `[${name}]:${port}`;
}

/** The entries of the file for a host. Lines that are none are left out, and those of certificate authorities. */
export function findKnownHost(text: string, host: string, port: number): KnownHost {
  const name = hostName(host, port);
  const found: { keys: HostKey[]; revoked: HostKey[] } = { keys: [], revoked: [] };
  for (const line of text.split('\n')) {
    const words = line.trim().split(/[ \t]+/);
    const marker = words[0]?.startsWith('@') ? words.shift() : undefined;
    const [patterns = '', type = '', encoded = ''] = words;
    if (patterns === '' || patterns.startsWith('#') || marker === '@cert-authority' || !matches(patterns, name)) continue;
    const blob = Buffer.from(encoded, 'base64');
    if (typeOf(blob) !== type) continue;
    (marker === '@revoked' ? found.revoked : found.keys).push({ type, blob });
  }
  return found;
}

/** Whether a host that is known so may show this key. */
export function judgeKey({ keys, revoked }: KnownHost, shown: Buffer): KeyVerdict {
  if (revoked.some(({ blob }) => blob.equals(shown))) return 'revoked';
  if (keys.some(({ blob }) => blob.equals(shown))) return 'known';
  return keys.length === 0 ? 'unknown' : 'changed';
}

/** The line that makes a key known. */
export function knownHostLine(host: string, port: number, shown: Buffer): string {
  return `${hostName(host, port)} ${typeOf(shown)} ${shown.toString('base64')}\n`;
}

/** The type that a key says it is of; empty if it is no key. */
export function typeOf(blob: Buffer): string {
  if (blob.length < 4) return '';
  const length = blob.readUInt32BE(0);
  const type = blob.toString('latin1', 4, 4 + length);
  return length <= 64 && /^[a-z0-9@.-]+$/.test(type) ? type : '';
}

function matches(patterns: string, name: string): boolean {
  if (patterns.startsWith('|')) return matchesHash(patterns, name);
  let isMatched = false;
  for (const pattern of patterns.toLowerCase().split(',')) {
    if (pattern.startsWith('!')) {
      if (globs(pattern.slice(1), name)) return false;
    } else isMatched ||= globs(pattern, name);
  }
  return isMatched;
}

/** `|1|salt|hash`: HMAC-SHA1 of the name. */
function matchesHash(entry: string, name: string): boolean {
  const [, version, salt = '', hash = ''] = entry.split('|');
  const expected = Buffer.from(hash, 'base64');
  if (version !== '1' || expected.length !== 20) return false;
  return timingSafeEqual(createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest(), expected);
}

/** `*` is any text and `?` any character; without backtracking, for the file may come from elsewhere. */
function globs(pattern: string, name: string): boolean {
  let star = -1;
  let resume = 0;
  let at = 0;
  for (let i = 0; i < name.length; ) {
    if (pattern[at] === '*') {
      star = at++;
      resume = i;
    } else if (pattern[at] === '?' || pattern[at] === name[i]) {
      at++;
      i++;
    } else if (star !== -1) {
      at = star + 1;
      i = ++resume;
    } else return false;
  }
  while (pattern[at] === '*') at++;
  return at === pattern.length;
}
