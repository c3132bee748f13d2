import { expect, it } from 'vitest';
import { AccessError } from './host-access.ts';
import { LocalHost } from './local-host.ts';
import { sudoArgv, toSudoResult } from './sudo.ts';

const result = (exitCode: number, stderr: string) => Promise.resolve({ exitCode, stdout: '', stderr });

it('asks nobody for a password, and is not asked where the file does not allow it', () => {
  expect(sudoArgv('smartctl', ['-x', '/dev/sda'], true)).toEqual(['sudo', '-n', '--', 'smartctl', '-x', '/dev/sda']);
  expect(() => sudoArgv('smartctl', [], false)).toThrow(
    expect.objectContaining({ code: 'EACCES', message: expect.stringContaining('sudo = true') }),
  );
});

it('tells what sudo says from what the command says', async () => {
  // As sudo 1.9.13 says it.
  await expect(toSudoResult('smartctl', result(1, 'sudo: a password is required\n'))).rejects.toMatchObject({
    code: 'EACCES',
    message: expect.stringContaining('doctor --sudoers'),
  });
  await expect(toSudoResult('x', result(1, 'sudo: x: command not found\n'))).rejects.toMatchObject({ code: 'ENOENT' });
  for (const kept of [
    'The "no new privileges" flag is set, which prevents sudo from running as root.',
    'unable to change to root gid: Operation not permitted',
  ]) {
    await expect(toSudoResult('x', result(1, `sudo: ${kept}\n`))).rejects.toMatchObject({ message: expect.stringContaining('drop-in') });
  }
  const missing = Promise.reject(new AccessError('ENOENT', 'sudo: does not exist'));
  await expect(toSudoResult('x', missing)).rejects.toMatchObject({ code: 'EACCES', message: expect.stringContaining('not installed') });
  for (const own of [result(1, 'no such device\n'), result(2, 'sudo: odd\n'), result(0, '')])
    expect(await toSudoResult('x', own)).toEqual(await own);
});

it.runIf(process.geteuid?.() === 0)('root needs no sudo', async () => {
  const host = new LocalHost();
  expect((await host.exec('id', ['-u'], { sudo: true })).stdout).toBe('0\n');
});
