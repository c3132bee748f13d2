import { AccessError, type DialAnswer } from '@hostwire/host-access';
import { describe, expect, it } from 'vitest';
import { settingsOf } from '../config.ts';
import { Readings, TreeHost } from '../tree-host.testkit.ts';
import { netResponse } from './index.ts';

const answer = (ended: DialAnswer['ended']): DialAnswer => ({
  bytes: new Uint8Array(),
  ended,
  timings: { dnsMs: 1, connectMs: 2, tlsMs: 0, firstByteMs: 5 },
});

async function rowOf(found: DialAnswer | AccessError, more: object = {}) {
  const readings = new Readings(netResponse, { targets: [{ host: '192.0.2.1', port: 22, ...more }] });
  const [row] = await readings.read(new TreeHost({ peers: { '192.0.2.1:22': found } }));
  return row;
}

describe('net_response', () => {
  it.each([
    ['done', 'success', 0],
    ['timeout', 'timeout', 1],
    ['closed', 'read_failed', 3],
    ['full', 'string_mismatch', 4],
  ] as const)('says what became of the text that is waited for: %s', async (ended, result, code) => {
    const fields = { result, result_code: code, string_found: ended === 'done', response_time: 0.008 };
    expect((await rowOf(answer(ended), { expect: 'SSH-2.0' }))?.fields).toMatchObject(fields);
  });

  it('is content with a connection if no text is waited for', async () => {
    const row = await rowOf(answer('done'));
    expect(row?.tags).toEqual({ server: '192.0.2.1', port: '22', protocol: 'tcp' });
    expect(row?.fields).toMatchObject({ result: 'success', connect_ms: 2 });
    expect(row?.fields).not.toHaveProperty('string_found');
  });

  it('gives a row for a port that nobody listens at', async () => {
    const row = await rowOf(new AccessError('ECONNREFUSED', 'nobody'));
    expect(row?.fields).toEqual({ result: 'connection_failed', result_code: 2, error: 'ECONNREFUSED' });
  });

  it('is a port or a socket, and no option of anything', () => {
    const settings = (target: object) => () => settingsOf(netResponse, { net_response: { targets: [target] } });
    expect(settings({ socket: '/run/x.sock' })).not.toThrow();
    expect(settings({ host: '::1', port: 80 })).not.toThrow();
    for (const target of [{ host: 'a' }, { host: '-a', port: 1 }, { host: 'a', port: 0 }, { socket: 'x' }, { socket: '/x', port: 1 }]) {
      expect(settings(target), JSON.stringify(target)).toThrow();
    }
  });

  it('is not available without targets, nor with one twice', async () => {
    expect(await netResponse.probe(new TreeHost(), { targets: [] })).toMatchObject({ available: false, reason: 'no targets' });
    const twice = { targets: [{ socket: '/a' }, { socket: '/a' }] };
    expect(await netResponse.probe(new TreeHost(), twice)).toMatchObject({ available: false });
  });
});
