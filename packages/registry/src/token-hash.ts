import { createHash, pbkdf2Sync, randomBytes, randomInt, timingSafeEqual } from 'node:crypto';

/**
 * Mosquitto's password format: `$7$<iterations>$<salt>$<PBKDF2-HMAC-SHA512>`, standard base64, as mosquitto_passwd
 * writes it (iterations 101, 12 bytes of salt, 64 bytes of key), so that hashes can go to a Mosquitto password file.
 * A slow hash protects what can be guessed; 256 random bits cannot.
 */
const ITERATIONS = 101;
const SALT_BYTES = 12;
const KEY_BYTES = 64;
const FORMAT = /^\$7\$(\d{1,7})\$([A-Za-z0-9+/]+={0,2})\$([A-Za-z0-9+/]+={0,2})$/;
/** Longer passwords are nobody's token; what hashing costs must not grow with what a stranger sends. */
const MAX_TOKEN_LENGTH = 256;

const DUMMY = hashToken(randomSecret());

/** 256 random bits in base64url (43 characters). */
export function randomSecret(): string {
  return randomBytes(32).toString('base64url');
}

/** 12 letters and digits: names a record, is no secret. */
export function newRecordId(): string {
  let id = '';
  while (id.length < 12) id += randomInt(36).toString(36);
  return id;
}

export function hashToken(token: string): string {
  const salt = randomBytes(SALT_BYTES);
  const key = pbkdf2Sync(token, salt, ITERATIONS, KEY_BYTES, 'sha512');
  return `$7$${ITERATIONS}$${salt.toString('base64')}$${key.toString('base64')}`;
}

/** True if `token` has this hash. Without a hash it takes the same time and is false. */
export function verifyToken(token: string, hash: string | undefined): boolean {
  const [, iterations, salt, key] = FORMAT.exec(hash ?? DUMMY) ?? [];
  if (iterations === undefined || salt === undefined || key === undefined) return false;
  const wanted = Buffer.from(key, 'base64');
  const tooLong = token.length > MAX_TOKEN_LENGTH;
  const got = pbkdf2Sync(tooLong ? '' : token, Buffer.from(salt, 'base64'), Number(iterations), wanted.length, 'sha512');
  return timingSafeEqual(got, wanted) && hash !== undefined && !tooLong;
}

/** For random secrets that are looked up by their hash: login codes and sessions. */
export function sha256(secret: string): string {
  return createHash('sha256').update(secret).digest('base64url');
}
