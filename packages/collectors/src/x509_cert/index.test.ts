import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AccessError, type CertificateFacts } from '@hostwire/host-access';
import { systemSuite, tempDir } from '@hostwire/testkit';
import { describe, expect, it } from 'vitest';
import { settingsOf } from '../config.ts';
import { Readings, TreeHost } from '../tree-host.testkit.ts';
import { x509Cert } from './index.ts';
import { certificateFields, commonNameOf, parseCertificates } from './parse.ts';

/** What `Readings` says that it is. */
const NOW = 1_790_000_000_000;
const DAY = 86_400_000;

const facts = (more: Partial<CertificateFacts> = {}): CertificateFacts => ({
  subject: { CN: 'example.org', O: 'Example' },
  issuer: { CN: 'An authority' },
  serialNumber: 'ABCDEF',
  fingerprint256: 'AB:CD',
  validFrom: NOW - 10 * DAY,
  validTo: NOW + 20 * DAY,
  san: ['DNS:example.org', 'IP Address:192.0.2.1'],
  bits: 2048,
  ...more,
});
const root = facts({ subject: { CN: 'Root' }, issuer: { CN: 'Root' }, san: [], validTo: NOW - DAY });

async function rowsOf(chain: CertificateFacts[], distrust: string | null = null, host = 'example.org') {
  const certificate = { authorized: distrust === null, authorizationError: distrust, protocol: 'TLSv1.3', cipher: 'x', chain };
  const timings = { dnsMs: 0, connectMs: 1, tlsMs: 1, firstByteMs: 0 };
  const access = new TreeHost({ peers: { [`${host}:443`]: { bytes: new Uint8Array(), ended: 'done', timings, certificate } } });
  return new Readings(x509Cert, { targets: [{ host }] }).read(access);
}

describe('x509_cert', () => {
  it('tells of every certificate of a chain how long it is valid', async () => {
    const middle = facts({ subject: { CN: 'Middle' }, issuer: { CN: 'Root' } });
    const rows = await rowsOf([facts(), middle, root]);
    expect(rows.map(({ tags }) => [tags?.['common_name'], tags?.['type']])).toEqual([
      ['example.org', 'leaf'],
      ['Middle', 'intermediate'],
      ['Root', 'root'],
    ]);
    expect(rows[0]?.fields).toEqual({
      result: 'success',
      result_code: 0,
      expiry: (20 * DAY) / 1000,
      age: (10 * DAY) / 1000,
      startdate: (NOW - 10 * DAY) / 1000,
      enddate: (NOW + 20 * DAY) / 1000,
      verification: 'valid',
      verification_code: 0,
      serial_number: 'abcdef',
      public_key_length: 2048,
      san: 'example.org,192.0.2.1',
      issuer_common_name: 'An authority',
      organization: 'Example',
    });
    expect(rows[2]?.fields).toMatchObject({ expiry: -DAY / 1000, verification: 'invalid', verification_error: 'CERT_HAS_EXPIRED' });
  });

  it('says why a server is not trusted', async () => {
    const [row] = await rowsOf([facts()], 'ERR_TLS_CERT_ALTNAME_INVALID');
    expect(row?.fields).toMatchObject({
      verification: 'invalid',
      verification_code: 1,
      verification_error: 'ERR_TLS_CERT_ALTNAME_INVALID',
    });
  });

  it('keeps one of two certificates of one name, and tells that a server showed none', async () => {
    const twin = facts({ subject: { CN: 'Middle' } });
    expect(await rowsOf([facts(), twin, twin])).toHaveLength(2);
    expect(await rowsOf([])).toMatchObject([{ fields: { result: 'connection_failed', error: 'parse' } }]);
  });

  it.each([
    ['timeout', 'timeout'],
    ['ENOTFOUND', 'dns_error'],
    ['ECONNREFUSED', 'connection_failed'],
    ['EPROTO', 'connection_failed'],
  ])('gives a row for a server that fails with %s', async (code, result) => {
    const access = new TreeHost({ peers: { 'a:443': new AccessError(code, code) } });
    const rows = await new Readings(x509Cert, { targets: [{ host: 'a' }] }).read(access);
    expect(rows).toEqual([{ tags: { source: 'tcp://a:443' }, fields: { result, result_code: expect.any(Number) as number, error: code } }]);
  });

  it('gives a row for a file that is none', async () => {
    const access = new TreeHost({ files: { '/etc/a.crt': 'hello' } });
    const rows = await new Readings(x509Cert, { targets: [{ file: '/etc/a.crt' }, { file: '/etc/b.crt' }] }).read(access);
    expect(rows).toMatchObject([
      { tags: { source: '/etc/a.crt' }, fields: { result: 'unreadable', result_code: 4, error: 'parse' } },
      { tags: { source: '/etc/b.crt' }, fields: { result: 'unreadable', error: 'ENOENT' } },
    ]);
  });

  it('names a certificate without a common name by what it is for', () => {
    expect(commonNameOf(facts({ subject: {} }))).toBe('example.org');
    expect(commonNameOf(facts({ subject: {}, san: [] }))).toBe('');
  });

  it('refuses dates that are none', () => {
    expect(() => certificateFields(facts({ validTo: Number.NaN }), NOW, null)).toThrow(/dates/);
  });

  it('is a host or a file', () => {
    const settings = (target: object) => () => settingsOf(x509Cert, { x509_cert: { targets: [target] } });
    for (const target of [{ host: 'a' }, { host: 'a', port: 993, server_name: 'b' }, { file: '/a' }])
      expect(settings(target)).not.toThrow();
    for (const target of [{}, { file: 'a' }, { host: '-a' }, { host: 'a', file: '/a' }]) expect(settings(target)).toThrow();
  });
});

systemSuite(['openssl'], 'certificates of openssl', () => {
  it.each([
    ['ec', ['-pkeyopt', 'ec_paramgen_curve:prime256v1'], null],
    ['rsa:2048', [], 2048],
  ] as const)('are read: %s', (kind, options, bits) => {
    const folder = tempDir();
    const name = ['-subj', '/O=Example, Inc/OU=a/OU=b/CN=example.org', '-addext', 'subjectAltName=DNS:example.org,IP:192.0.2.1'];
    const key = ['-newkey', kind, ...options, '-nodes', '-keyout', join(folder, 'key')];
    execFileSync('openssl', ['req', '-x509', ...key, '-out', join(folder, 'crt'), '-days', '2', ...name], { stdio: 'ignore' });
    const [found] = parseCertificates(`Some words\n${readFileSync(join(folder, 'crt'), 'utf8')}`);
    expect(found).toMatchObject({
      subject: { O: 'Example, Inc', OU: 'a, b', CN: 'example.org' },
      san: ['DNS:example.org', 'IP Address:192.0.2.1'],
      bits,
    });
    expect((found?.validTo ?? 0) - (found?.validFrom ?? 0)).toBe(2 * DAY);
  });
});
