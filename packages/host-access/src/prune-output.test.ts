import fc from 'fast-check';
import { expect, it } from 'vitest';
import { LocalHost } from './local-host.ts';
import { pruneOutput, withoutArguments } from './prune-output.ts';

const XML = ['<n>', '</n>'] as const;

it('leaves of a command line the program', () => {
  expect(withoutArguments('a <n>/bin/x --token SECRET</n> b <n>y</n><n>  z\tSECRET\nSECRET</n>', XML)).toBe(
    'a <n>/bin/x</n> b <n>y</n><n>z</n>',
  );
  expect(withoutArguments('a <n>x SECRET', XML)).toBe('a <n>x');
  expect(withoutArguments('<n> </n><o>1 2</o>', XML)).toBe('<n></n><o>1 2</o>');
});

it('never lets an argument through, and is the same when done twice', () => {
  const unit = fc.constantFrom('<n>', '</n>', ' ', 'a', '\n', '<');
  fc.assert(
    fc.property(fc.string({ unit }), fc.string({ unit: fc.constantFrom('a', '-', '/'), minLength: 1 }), (text, program) => {
      const once = withoutArguments(`${text}</n><n>${program} SECRET</n>`, XML);
      expect(once).not.toContain('SECRET');
      expect(withoutArguments(once, XML)).toBe(once);
    }),
  );
});

it('is done before a command has answered', async () => {
  const { stdout } = await new LocalHost().exec('printf', ['<n>x SECRET</n>'], { commandLines: [XML] });
  expect(stdout).toBe('<n>x</n>');
  const result = { exitCode: 0, stdout: '{"a":1}', stderr: 'x' };
  expect(pruneOutput(result, {})).toBe(result);
  expect(pruneOutput(result, { keep: ['/b'] })).toEqual({ exitCode: 0, stdout: '', stderr: '' });
});

it('discards from standard error what a command was told in confidence', async () => {
  const script = 'echo "wget: cannot get http://h/?token=$1 for $2: no such host" >&2; exit 4';
  const args = ['-c', script, 'sh', 'CANARY-1', 'user:CANARY-2', 'ab'];
  const { exitCode, stderr } = await new LocalHost().exec('sh', args, { confidential: true });
  expect(exitCode).toBe(4);
  expect(stderr).not.toContain('CANARY');
  expect((await new LocalHost().exec('sh', args)).stderr).toContain('CANARY-1');
  const plain = await new LocalHost().exec('cat', ['/nowhere'], { confidential: true });
  expect(plain.stderr).toMatch(/^cat: \.\.\.: No such file/);
});
