import { findCommand } from '@hostwire/testkit';
import { describe } from 'vitest';
import { whyNoMachines } from './network.ts';

/**
 * A `describe` for tests on whole machines, which take minutes and a Debian tree: `npm run test:fleet` runs them
 * (HOSTWIRE_FLEET=1). Elsewhere, and where machines cannot be made, they are skipped with a line that says so.
 */
export async function byHand(title: string, suite: () => void): Promise<void> {
  const missing = ['ip', 'unshare', 'nsenter', 'curl', 'openssl', 'debootstrap'].filter((command) => findCommand(command) === null);
  const reason =
    process.env['HOSTWIRE_FLEET'] !== '1'
      ? 'run by hand: npm run test:fleet'
      : missing.length > 0
        ? `needs ${missing.join(', ')}, which is not installed`
        : await whyNoMachines();
  if (reason === null) {
    describe(title, suite);
    return;
  }
  process.stderr.write(`skipped: ${title}: ${reason}\n`);
  describe.skip(title, suite);
}
