import { AccessError } from '@hostwire/host-access';
import { describe, expect, it } from 'vitest';
import { settingsOf } from '../config.ts';
import { Readings, TreeHost } from '../tree-host.testkit.ts';
import { dnsQuery } from './index.ts';

const target = { domain: 'example.org', server: '192.0.2.53' };
const read = (found: { answers: string[]; timeMs: number } | AccessError, more: object = {}) =>
  new Readings(dnsQuery, { targets: [{ ...target, ...more }] }).read(new TreeHost({ names: { 'A example.org 192.0.2.53': found } }));

describe('dns_query', () => {
  it('says what came, how soon, and whether the wanted answer is among it', async () => {
    const found = { answers: ['192.0.2.7', '192.0.2.8'], timeMs: 3.25 };
    const [row] = await read(found);
    expect(row?.tags).toEqual({ server: '192.0.2.53', domain: 'example.org', record_type: 'A' });
    expect(row?.fields).toEqual({ result: 'success', result_code: 0, rcode: 'NOERROR', rcode_value: 0, query_time_ms: 3.25, answers: 2 });
    expect((await read(found, { expect: '192.0.2.8' }))[0]?.fields['result']).toBe('success');
    expect((await read(found, { expect: '192.0.2.9' }))[0]?.fields).toMatchObject({ result: 'mismatch', result_code: 3 });
  });

  it.each([
    ['ENOTFOUND', { result: 'error', result_code: 2, rcode: 'NXDOMAIN', rcode_value: 3, answers: 0 }],
    ['ENODATA', { result: 'error', result_code: 2, rcode: 'NOERROR', rcode_value: 0, answers: 0 }],
    ['EREFUSED', { result: 'error', result_code: 2, rcode: 'REFUSED', rcode_value: 5, answers: 0 }],
    ['timeout', { result: 'timeout', result_code: 1, error: 'timeout' }],
    ['ECONNREFUSED', { result: 'error', result_code: 2, error: 'ECONNREFUSED' }],
  ])('gives a row for %s', async (code, fields) => {
    expect((await read(new AccessError(code, code)))[0]?.fields).toEqual(fields);
  });

  it('asks the servers of the system where none is named', async () => {
    const access = new TreeHost({ names: { 'AAAA example.org': { answers: ['2001:db8::7'], timeMs: 1 } } });
    const [row] = await new Readings(dnsQuery, { targets: [{ domain: 'example.org', record_type: 'AAAA' }] }).read(access);
    expect(row?.tags?.['server']).toBe('system');
  });

  it('takes an address for a server, and nothing else', () => {
    const settings = (server: string) => () => settingsOf(dnsQuery, { dns_query: { targets: [{ domain: 'a', server }] } });
    for (const server of ['192.0.2.1', '192.0.2.1:5353', '2001:db8::1', '[2001:db8::1]:53']) expect(settings(server), server).not.toThrow();
    for (const server of ['ns.example.org', '1', '[x]']) expect(settings(server), server).toThrow();
  });

  it('is not available without targets', async () => {
    expect(await dnsQuery.probe(new TreeHost(), { targets: [] })).toMatchObject({ available: false, reason: 'no targets' });
  });
});
