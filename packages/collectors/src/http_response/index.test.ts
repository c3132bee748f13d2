import { AccessError } from '@hostwire/host-access';
import { describe, expect, it } from 'vitest';
import { remoteConfigSchema } from '../agent-settings.ts';
import { settingsOf } from '../config.ts';
import { Readings, TreeHost } from '../tree-host.testkit.ts';
import { httpResponse } from './index.ts';

const HOST = 'http://192.0.2.1';
const answer = (status: number, body = '') => ({
  status,
  headers: {},
  body,
  timings: { dnsMs: 1, connectMs: 2, tlsMs: 0, firstByteMs: 4, totalMs: 8 },
});
const failed = (code: string) => new AccessError(code, code);

async function fieldsOf(found: ReturnType<typeof answer> | AccessError, more: object = {}) {
  const readings = new Readings(httpResponse, { targets: [{ url: `${HOST}/`, ...more }] });
  const [row] = await readings.read(new TreeHost({ requests: { [`${HOST} /`]: found } }));
  return { fields: row?.fields ?? {}, reported: readings.reported };
}

describe('http_response', () => {
  it('takes any status below 400 for well, unless one is wanted', async () => {
    for (const [status, wanted, result] of [
      [200, 0, 'success'],
      [399, 0, 'success'],
      [400, 0, 'response_status_code_mismatch'],
      [401, 401, 'success'],
      [200, 401, 'response_status_code_mismatch'],
    ] as const) {
      expect((await fieldsOf(answer(status), { expect_status: wanted })).fields['result'], `${status} for ${wanted}`).toBe(result);
    }
  });

  it('tells a wrong status before a wrong text', async () => {
    expect((await fieldsOf(answer(500, 'no'), { expect_text: 'yes' })).fields).toMatchObject({ result_code: 6, response_string_match: 0 });
    expect((await fieldsOf(answer(200, 'no'), { expect_text: 'yes' })).fields).toMatchObject({ result_code: 1, content_length: 2 });
  });

  it.each([
    ['timeout', 'timeout', 4],
    ['ENOTFOUND', 'dns_error', 5],
    ['EAI_AGAIN', 'dns_error', 5],
    ['too-large', 'body_read_error', 2],
    ['ECONNREFUSED', 'connection_failed', 3],
    ['CERT_HAS_EXPIRED', 'connection_failed', 3],
  ])('gives a row for a target that fails with %s', async (code, result, number) => {
    const { fields, reported } = await fieldsOf(failed(code));
    expect(fields).toEqual({ result, result_code: number, error: code });
    expect(reported).toEqual([]);
  });

  it('reports what is wrong here and not at the target, and goes on with the others', async () => {
    const readings = new Readings(httpResponse, { targets: [{ url: `${HOST}/` }, { url: `${HOST}/b` }] });
    const requests = { [`${HOST} /`]: failed('EMFILE'), [`${HOST} /b`]: answer(200) };
    expect(await readings.read(new TreeHost({ requests }))).toMatchObject([{ tags: { server: `${HOST}/b` } }]);
    expect(readings.reported).toMatchObject([{ code: 'EMFILE' }]);
  });

  it('reports a URL whose host or port cannot be, and goes on with the others', async () => {
    const readings = new Readings(httpResponse, {
      targets: [{ url: 'http://[zz]/?canary' }, { url: 'http://a:99999/' }, { url: `${HOST}/` }],
    });
    expect(await readings.read(new TreeHost({ requests: { [`${HOST} /`]: answer(200) } }))).toHaveLength(1);
    expect(readings.reported).toMatchObject([{ code: 'EINVAL' }, { code: 'EINVAL' }]);
    expect(String(readings.reported)).not.toContain('canary');
  });

  it('keeps the query out of the tag, and the body to itself', async () => {
    const targets = [
      { url: `${HOST}/a?key=canary`, method: 'HEAD' },
      { url: `${HOST}/b?x`, name: 'b' },
    ];
    const requests = { [`${HOST} /a?key=canary`]: answer(200, 'canary'), [`${HOST} /b?x`]: answer(200) };
    const rows = await new Readings(httpResponse, { targets }).read(new TreeHost({ requests }));
    expect(rows.map(({ tags }) => tags)).toEqual([
      { server: `${HOST}/a`, method: 'HEAD' },
      { server: 'b', method: 'GET' },
    ]);
    expect(JSON.stringify(rows)).not.toContain('canary');
  });

  it('refuses a password in a URL, with what to do', () => {
    const options = { http_response: { targets: [{ url: 'https://user:canary@example.org/' }] } };
    expect(() => settingsOf(httpResponse, options)).toThrow(/targets\.0\.url/);
    expect(() => settingsOf(httpResponse, options)).not.toThrow(/canary/);
  });

  it('is not available without targets, nor with two that are one series', async () => {
    const probe = (targets: object[]) =>
      httpResponse.probe(new TreeHost(), settingsOf(httpResponse, { http_response: { targets } }).options);
    expect(await probe([])).toMatchObject({
      available: false,
      reason: 'no targets',
      hint: expect.stringContaining('targets = [') as string,
    });
    expect(await probe([{ url: `${HOST}/?a` }, { url: `${HOST}/?b` }])).toMatchObject({
      available: false,
      hint: expect.stringContaining('name') as string,
    });
    expect(await probe([{ url: `${HOST}/?a` }, { url: `${HOST}/?b`, name: 'b' }])).toEqual({ available: true });
  });

  it('takes its targets from no server', () => {
    const { properties } = remoteConfigSchema([httpResponse]) as unknown as {
      properties: { collectors: { properties: { http_response: { properties: Record<string, { never?: string }> } } } };
    };
    const { targets, tier } = properties.collectors.properties.http_response.properties;
    expect(targets?.never).toContain("host's own file alone");
    expect(tier?.never).toBeUndefined();
  });
});
