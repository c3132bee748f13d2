import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Counters } from '@hostwire/model';
import { openRegistry } from '@hostwire/registry';
import { tempDir, waitFor } from '@hostwire/testkit';
import { expect, it, onTestFinished } from 'vitest';
import { silent } from '../server.testkit.ts';
import { keepExported } from './export-broker.ts';

async function rig(url = 'mqtts://broker:8883') {
  const dir = tempDir();
  const folder = join(dir, 'broker');
  const registry = await openRegistry({ file: join(dir, 'registry.db') });
  onTestFinished(() => registry.close());
  const counters = new Counters();
  const pair = { cert: 'CERT', key: 'KEY' };
  const heard = new Set<() => void>();
  const certificate = {
    current: () => ({ ...pair }),
    onChange: (listener: () => void) => {
      heard.add(listener);
      return () => heard.delete(listener);
    },
  };
  const start = async () => {
    const files = { folder, url, username: 'hostwire-server', password: 'own', topicRoot: 'hostwire', againMs: 30 };
    const stop = await keepExported({ ...files, registry, certificate, counters, logger: silent });
    onTestFinished(stop);
    return stop;
  };
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
  return { folder, registry, counters, pair, heard, start, read };
}

it('writes all that Mosquitto needs at the start, and what changes within two seconds', async () => {
  const { folder, registry, pair, heard, start, read } = await rig();
  await registry.hosts.add('pve1');
  const stop = await start();
  expect(readdirSync(folder).sort()).toEqual(['acl', 'hostwire.conf', 'passwords', 'server.key', 'server.pem']);
  for (const name of readdirSync(folder)) expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600);
  expect(read('hostwire.conf')).toContain(`listener 8883\ncertfile ${folder}/server.pem\nkeyfile ${folder}/server.key\n`);
  const before = read('passwords');
  expect(before).toMatch(/^hostwire-server:.*\npve1:/);

  const began = Date.now();
  await registry.hosts.remove('pve1');
  await registry.hosts.add('pve2');
  await waitFor(() => !read('passwords').includes('pve1:') && read('passwords').includes('pve2:'));
  expect(Date.now() - began).toBeLessThan(2000);
  // The server's own line stays: a new hash of the same password would be a change of nothing.
  expect(read('passwords').split('\n')[0]).toBe(before.split('\n')[0]);
  pair.cert = 'NEWER';
  for (const listener of heard) listener();
  await waitFor(() => read('server.pem') === 'NEWER');

  stop();
  expect(heard.size).toBe(0);
  await registry.hosts.add('pve3');
  await new Promise((done) => setTimeout(done, 100));
  expect(read('passwords')).not.toContain('pve3:');
});

it('starts without the files if they cannot be written, and tries again', async () => {
  const { folder, counters, start } = await rig('mqtt://broker');
  writeFileSync(folder, 'in the way');
  await start();
  await waitFor(() => counters.get('write_failed') >= 2);
  rmSync(folder);
  mkdirSync(folder);
  await waitFor(() => counters.get('written') === 1);
  // Without TLS it needs no certificate.
  expect(readdirSync(folder).sort()).toEqual(['acl', 'hostwire.conf', 'passwords']);
});
