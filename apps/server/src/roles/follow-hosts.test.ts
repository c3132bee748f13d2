import { join } from 'node:path';
import { catalog } from '@hostwire/collectors';
import { Counters } from '@hostwire/model';
import { openRegistry, type Registry, RegistryError } from '@hostwire/registry';
import { tempDir, waitFor } from '@hostwire/testkit';
import { expect, it, onTestFinished } from 'vitest';
import { createCatalogIndex } from '../live/catalog-index.ts';
import { createLiveState } from '../live/live-state.ts';
import { silent } from '../server.testkit.ts';
import { enrolUnknown, followRegistry } from './follow-hosts.ts';

it('a host that was removed is not enrolled again by its next message, but one that is new is', async () => {
  const registry = await openRegistry({ file: join(tempDir(), 'registry.db') });
  const live = createLiveState(createCatalogIndex(catalog()));
  const enrol = enrolUnknown(registry, live, { counters: new Counters(), logger: silent });
  const stop = followRegistry(registry, live, { onGone: async () => undefined, counters: new Counters(), logger: silent });
  onTestFinished(async () => {
    stop();
    await registry.close();
  });
  const names = async () => (await registry.hosts.list()).map(({ host }) => host);

  enrol('pve1');
  await waitFor(() => live.get('pve1'), { what: 'the new host' });
  await registry.hosts.remove('pve1');
  await waitFor(() => live.get('pve1') === undefined, { what: 'the removal' });
  // The broker lets it in for some seconds more.
  enrol('pve1');
  enrol('pve2');
  await waitFor(() => live.get('pve2'), { what: 'the other host' });
  await new Promise((done) => setTimeout(done, 100));
  expect(await names()).toEqual(['pve2']);
  await registry.hosts.add('pve1');
  await waitFor(() => live.get('pve1'), { what: 'the host that was added again' });
});

it('a list of hosts that could not be read is read again', async () => {
  const registry = await openRegistry({ file: join(tempDir(), 'registry.db') });
  const live = createLiveState(createCatalogIndex(catalog()));
  let refuse = true;
  const failing: Pick<Registry, 'hosts' | 'onCredentialsChange'> = {
    hosts: {
      ...registry.hosts,
      list: async () => {
        if (refuse) throw new RegistryError('unavailable', 'busy');
        return registry.hosts.list();
      },
    },
    onCredentialsChange: (listener) => registry.onCredentialsChange(listener),
  };
  const counters = new Counters();
  const stop = followRegistry(failing, live, { onGone: async () => undefined, counters, logger: silent, againMs: 20 });
  onTestFinished(async () => {
    stop();
    await registry.close();
  });
  await registry.hosts.add('pve1');
  await waitFor(() => counters.get('host_list_failed') > 1, { what: 'another attempt' });
  refuse = false;
  await waitFor(() => live.get('pve1'), { what: 'the host' });
});
