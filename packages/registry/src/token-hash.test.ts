import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { findCommand, systemSuite, tempDir } from '@hostwire/testkit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hashToken, randomSecret, verifyToken } from './token-hash.ts';

describe('token hashes', () => {
  it('accept their own token and no other', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 80 }), fc.string({ maxLength: 80 }), (token, other) => {
        const hash = hashToken(token);
        expect(verifyToken(token, hash)).toBe(true);
        expect(verifyToken(other, hash)).toBe(other === token);
      }),
      { numRuns: 50 },
    );
  });

  it('refuse without a hash, with a damaged hash, and any text that is too long', () => {
    expect(verifyToken('x', undefined)).toBe(false);
    expect(verifyToken('x', '$7$101$AAAA')).toBe(false);
    expect(verifyToken('x', '')).toBe(false);
    const long = 'x'.repeat(100_000);
    expect(verifyToken(long, hashToken(long))).toBe(false);
    expect(verifyToken('', hashToken('x'.repeat(300)))).toBe(false);
  });

  it('are salted', () => {
    const token = randomSecret();
    expect(hashToken(token)).not.toBe(hashToken(token));
    expect(token).toMatch(/^[A-Za-z0-9_-]{43}$/);
  });
});

systemSuite(['mosquitto_passwd'], 'token hashes and mosquitto_passwd', () => {
  it('have one format', () => {
    const file = join(tempDir(), 'passwords');
    const token = `hwh_${randomSecret()}`;
    execFileSync(findCommand('mosquitto_passwd') ?? '', ['-b', '-c', file, 'pve1', token]);
    const hash = readFileSync(file, 'utf8').trim().slice('pve1:'.length);
    expect(verifyToken(token, hash)).toBe(true);
    expect(verifyToken(`${token}x`, hash)).toBe(false);
    const shape = (text: string): (string | number)[] => text.split('$').map((part, index) => (index < 3 ? part : part.length));
    expect(shape(hashToken(token))).toEqual(shape(hash));
  });
});
