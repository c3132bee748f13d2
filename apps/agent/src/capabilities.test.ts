import { createLogger } from '@hostwire/service';
import { waitFor } from '@hostwire/testkit';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Capabilities, CapabilityWatch, logCapabilities } from './capabilities.ts';

function logged() {
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push((JSON.parse(line) as { msg: string }).msg) };
  return { lines, logger: createLogger({ name: 'test', pretty: false, destination }) };
}

const DENIED = { available: false, reason: '/run/docker.sock may not be used', hint: 'usermod -aG docker hostwire-agent' };

function watching(first: Capabilities, everyMs: number | null = null) {
  const { lines, logger } = logged();
  const asked: (readonly string[] | undefined)[] = [];
  let found: Capabilities = first;
  let changes = 0;
  const watch = new CapabilityWatch({
    first,
    probe: async (names) => {
      asked.push(names);
      return found;
    },
    onChange: () => {
      changes += 1;
    },
    logger,
    everyMs,
  });
  onTestFinished(() => watch.close());
  return { watch, lines, asked, set: (next: Capabilities) => (found = next), changes: () => changes };
}

describe('CapabilityWatch', () => {
  it('logs what comes and goes, and tells of a change once', async () => {
    const { watch, lines, asked, set, changes } = watching({ docker: DENIED, cpu: { available: true } });
    await watch.refresh();
    expect([lines, changes()]).toEqual([[], 0]);
    set({ docker: { available: true } });
    expect(await watch.refresh(['docker'])).toEqual({ docker: { available: true }, cpu: { available: true } });
    watch.note('docker', { available: true });
    watch.note('docker', DENIED);
    expect(lines).toEqual([
      'docker: available now',
      'docker: no longer available: /run/docker.sock may not be used; to grant it: usermod -aG docker hostwire-agent',
    ]);
    expect([changes(), asked]).toEqual([2, [undefined, ['docker']]]);
    // Another reason is told to the server, and is no news for the log.
    watch.note('docker', { available: false, reason: 'other' });
    expect([lines.length, changes()]).toEqual([2, 3]);
  });

  it('looks by itself, until it is closed', async () => {
    const { watch, asked } = watching({}, 10);
    await waitFor(() => asked.length >= 2);
    await watch.close();
    const before = asked.length;
    await new Promise((done) => setTimeout(done, 50));
    expect(asked.length).toBe(before);
  });
});

it('logCapabilities says what is not available and the line that grants it, one line for what is not there or not wanted', () => {
  const { lines, logger } = logged();
  logCapabilities(
    {
      docker: DENIED,
      cpu: { available: true },
      zfs: { available: false, reason: 'there is no /proc/spl/kstat/zfs' },
      temp: { available: false },
      net: { available: false, reason: 'switched off in the configuration', hint: '[collectors.net] enabled = true' },
      ping: { available: false, reason: 'no targets', hint: '[collectors.ping] targets = [{ host = "192.0.2.1" }]' },
    },
    logger,
  );
  expect(lines).toEqual([
    'not available: docker: /run/docker.sock may not be used; to grant it: usermod -aG docker hostwire-agent',
    'not on this host: zfs (there is no /proc/spl/kstat/zfs), temp',
    'not asked for in the configuration: net, ping',
  ]);
});
