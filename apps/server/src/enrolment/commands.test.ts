import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { enrolCommands } from './commands.ts';

const reach = { httpUrl: 'https://hostwire.example:8080', pin: 'sha256//AAAA+/BBBB=' };
const given = { code: '7K2M-QX4D-R9PV', host: 'pi-04', version: '1.0.0' };

/** What a shell takes each word for. */
function words(command: string): string[] {
  return execFileSync('sh', ['-c', `for word in ${command}; do printf '%s\\n' "$word"; done`], { encoding: 'utf8' })
    .trim()
    .split('\n');
}

describe('the command for a new host', () => {
  it('fetches the script with the pin, and hands the pin on', () => {
    expect(enrolCommands(reach, given).install).toBe(
      "curl -fsSk --pinnedpubkey 'sha256//AAAA+/BBBB=' https://hostwire.example:8080/install.sh | sudo sh -s -- " +
        "--server https://hostwire.example:8080 --pin 'sha256//AAAA+/BBBB=' --host pi-04 --code 7K2M-QX4D-R9PV",
    );
  });

  it('checks against the CAs of the system where there is no pin', () => {
    expect(enrolCommands({ ...reach, pin: null }, { ...given, host: null }).install).toBe(
      'curl -fsS https://hostwire.example:8080/install.sh | sudo sh -s -- --server https://hostwire.example:8080 --code 7K2M-QX4D-R9PV',
    );
  });

  it('is one for the shell, whatever the addresses hold', () => {
    const { archive } = enrolCommands({ httpUrl: "https://x';touch /tmp/no;'", pin: '$(no)`no`' }, given);
    expect(words(archive.replace(/^.* && sudo \S+ /, ''))).toEqual([
      '--server',
      "https://x';touch /tmp/no;'",
      '--pin',
      '$(no)`no`',
      '--host',
      'pi-04',
      '--code',
      '7K2M-QX4D-R9PV',
    ]);
  });
});
