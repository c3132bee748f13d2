import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { toHostId } from '@hostwire/model';
import { openRegistry } from '@hostwire/registry';
import { tempDir } from '@hostwire/testkit';
import { expect, it, onTestFinished } from 'vitest';
import { enrolLocalHost, localHostId } from './enrol-local.ts';

it('enrols once, for its owner alone, keeps the token while it is good and makes it anew when it is not', async () => {
  const dir = tempDir();
  const registry = await openRegistry({ file: join(dir, 'registry.db') });
  onTestFinished(() => registry.close());
  const folder = join(dir, 'agent');
  const [key, cert] = [join(dir, 'key.pem'), join(dir, 'cert.pem')];
  execFileSync(
    'openssl',
    ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key, '-out', cert, '-subj', '/CN=x'],
    {
      stdio: 'ignore',
    },
  );
  const ca = readFileSync(cert, 'utf8');
  const enrol = async () => {
    await enrolLocalHost(registry, {
      host: 'box',
      folder,
      serverUrl: 'mqtts://broker:8883',
      topicRoot: 'hostwire',
      serverKey: 'ed25519:x',
      ca,
    });
    return readFileSync(join(folder, 'agent.toml'), 'utf8');
  };
  const first = await enrol();
  expect(first).toContain('server_url = "mqtts://broker:8883"\nhost_id = "box"\n');
  expect(first).toMatch(/\[tls\]\nca = ".*\/agent\/ca\.pem"\nca_fingerprint = "sha256:[0-9a-f]{64}"\n/);
  expect(readFileSync(join(folder, 'ca.pem'), 'utf8')).toBe(ca);
  for (const name of readdirSync(folder)) expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600);
  expect(await enrol()).toBe(first);
  // What its owner allows stands nowhere else.
  writeFileSync(join(folder, 'agent.toml'), `${first}[actions]\nallow = ['tmux.kill', "agent.dump"]\n`);
  expect(await enrol()).toContain('[actions]\nallow = ["tmux.kill","agent.dump"]\n');
  writeFileSync(join(folder, 'agent.toml'), first);
  await registry.hosts.rotate('box');
  expect(await enrol()).not.toBe(first);
});

it('is called as it is told, else as the machine whose root is mounted, else as this one', () => {
  const root = tempDir();
  mkdirSync(join(root, 'etc'));
  writeFileSync(join(root, 'etc/hostname'), 'Docker-1\n');
  expect(localHostId({ HOSTWIRE_AGENT_HOST_ID: 'nas', HOST_ROOT: root })).toBe('nas');
  expect(localHostId({ HOSTWIRE_AGENT_HOST_ID: '', HOST_ROOT: root })).toBe('docker-1');
  expect(localHostId({ HOST_ROOT: '/nowhere' })).toBe(toHostId(hostname()));
  expect(localHostId({})).toBe(toHostId(hostname()));
});
