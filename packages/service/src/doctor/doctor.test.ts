import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  type Check,
  compareClocks,
  describeBytes,
  describeDuration,
  describeFindings,
  fine,
  hasErrors,
  listeningSockets,
  lookAtClock,
  lookAtPort,
  lookAtUnit,
  occupies,
  ownerOf,
  parseSockets,
  runChecks,
} from './index.ts';

const NOW = Date.UTC(2026, 10, 25);

describe('runChecks', () => {
  const check = (name: string, run: Check<null>['run']): Check<null> => ({ name, run });

  it('gives findings in the order of the checks, whatever a check throws and however long it takes', async () => {
    let aborted = false;
    const findings = await runChecks(
      [
        check('slow', (_context, signal) => {
          signal.addEventListener('abort', () => {
            aborted = true;
          });
          return new Promise(() => undefined);
        }),
        check('good', async () => [fine('is well')]),
        check('denied', async () => {
          throw Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' });
        }),
        check('broken', () => {
          throw new Error('nobody thought of it');
        }),
        check('silent', async () => []),
      ],
      null,
      50,
    );
    expect(findings.map(({ check: name, level }) => [name, level])).toEqual([
      ['slow', 'warning'],
      ['good', 'ok'],
      ['denied', 'warning'],
      ['broken', 'warning'],
    ]);
    expect(aborted).toBe(true);
    expect(findings[2]).toMatchObject({
      message: expect.stringContaining('this user may not look'),
      cure: expect.stringContaining('as root'),
    });
    expect(hasErrors(findings)).toBe(false);
    expect(describeFindings(findings)).toMatch(
      /^warning {2}slow {4}did not end within 0.05 s\n {17}-> .*\nok {7}good {4}is well\n[\s\S]*\n\n0 errors, 3 warnings, 1 ok$/,
    );
  });
});

describe('listening sockets', () => {
  const line = (address: string, state = '0A') =>
    `  0: ${address} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000  0  0 4711 1 0 100 0 0 10 0`;

  it('are read as the kernel writes them, and nothing else is', () => {
    const text = [
      '  sl  local_address rem_address st',
      line('0100007F:1F90'),
      line('00000000000000000000000000000000:075B'),
      line('B80D0120000000000000000001000000:01BB'),
      line('0100007F:0016', '01'),
    ].join('\n');
    expect(parseSockets(text)).toEqual([
      { address: '127.0.0.1', port: 8080, inode: '4711' },
      { address: '::', port: 1883, inode: '4711' },
      { address: '2001:db8::1', port: 443, inode: '4711' },
    ]);
  });

  it('of any text are no failure', () => {
    fc.assert(fc.property(fc.string({ unit: 'grapheme', maxLength: 400 }), (text) => Array.isArray(parseSockets(text))));
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffff_ffff }), fc.integer({ min: 0, max: 65_535 }), (address, port) => {
        const hex = (value: number, width: number) => value.toString(16).toUpperCase().padStart(width, '0');
        const [socket] = parseSockets(line(`${hex(address, 8)}:${hex(port, 4)}`));
        const bytes = (socket?.address ?? '').split('.').map(Number);
        expect(bytes.reduceRight((sum, byte) => sum * 256 + byte, 0)).toBe(address);
        expect(socket?.port).toBe(port);
      }),
    );
  });

  it('keep others from an address that is theirs too', () => {
    const at = (address: string) => ({ address, port: 80, inode: '' });
    expect(occupies(at('0.0.0.0'), '127.0.0.1', 80)).toBe(true);
    expect(occupies(at('127.0.0.1'), '0.0.0.0', 80)).toBe(true);
    expect(occupies(at('::'), '127.0.0.1', 80)).toBe(true);
    expect(occupies(at('127.0.0.1'), '127.0.0.2', 80)).toBe(false);
    expect(occupies(at('127.0.0.1'), '127.0.0.1', 81)).toBe(false);
    expect(occupies(at('::1'), '127.0.0.1', 80)).toBe(false);
  });

  it('of this process are found with their process', async () => {
    const server = createServer();
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    onTestFinished(() => void server.close());
    const { port } = server.address() as { port: number };
    const found = (await listeningSockets()).find((socket) => socket.port === port);
    expect((await ownerOf(found?.inode ?? ''))?.pid).toBe(process.pid);
    const wanted = { what: 'a test', address: '127.0.0.1', port, option: '--port' };
    expect(await lookAtPort({ ...wanted, isOurs: null })).toMatchObject({ level: 'error' });
    expect(await lookAtPort({ ...wanted, isOurs: (pid) => pid === process.pid })).toMatchObject({ level: 'ok' });
  });
});

describe('clocks', () => {
  it('are far off from ten minutes on, which is when no sample is stored as it is', () => {
    expect(lookAtClock(0)).toMatchObject({ level: 'error', cure: expect.stringContaining('set-ntp') });
    expect(lookAtClock(NOW).level).toBe('ok');
    expect(compareClocks(NOW, NOW + 29_000, 'the server').level).toBe('ok');
    expect(compareClocks(NOW, NOW + 60_000, 'the server')).toMatchObject({
      level: 'warning',
      message: expect.stringContaining('60 s behind'),
    });
    expect(compareClocks(NOW + 600_000, NOW, 'the server')).toMatchObject({
      level: 'error',
      message: expect.stringContaining('10 min ahead'),
    });
  });
});

describe('a unit of systemd', () => {
  const look = async (enabled: string, active = 'active') => {
    const folder = mkdtempSync(join(tmpdir(), 'hostwire-unit-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const stub = join(folder, 'systemctl');
    writeFileSync(stub, `#!/bin/sh\ncase $1 in is-enabled) echo ${enabled};; is-active) echo ${active};; esac\nexit 3\n`);
    chmodSync(stub, 0o755);
    vi.stubEnv('PATH', `${folder}:${process.env['PATH']}`);
    try {
      return await lookAtUnit('hostwire.service', AbortSignal.timeout(5000), folder);
    } finally {
      vi.unstubAllEnvs();
    }
  };

  it('that does not start at boot or has failed is found; without systemd or a unit there is nothing to say', async () => {
    expect(await look('disabled')).toMatchObject([{ level: 'warning', cure: 'systemctl enable --now hostwire.service' }]);
    expect(await look('masked')).toMatchObject([{ level: 'warning', cure: expect.stringContaining('unmask') }]);
    expect(await look('enabled', 'failed')).toMatchObject([{ level: 'warning', cure: expect.stringContaining('journalctl -u') }]);
    expect(await look('enabled')).toMatchObject([{ level: 'ok' }]);
    expect(await look('not-found')).toEqual([]);
    expect(await lookAtUnit('hostwire.service', AbortSignal.timeout(5000), '/nonexistent')).toEqual([]);
  });
});

describe('units', () => {
  it('are as short as one needs them', () => {
    expect([0, 1023, 1024, 1.5 * 1024 ** 3, 200 * 1024 ** 2].map(describeBytes)).toEqual([
      '0 B',
      '1023 B',
      '1.0 KiB',
      '1.5 GiB',
      '200 MiB',
    ]);
    expect([500, 90_000, 3_600_000, 7_200_000, 5 * 86_400_000, -90_000].map(describeDuration)).toEqual([
      '1 s',
      '90 s',
      '60 min',
      '2 h',
      '5 d',
      '90 s',
    ]);
  });
});
