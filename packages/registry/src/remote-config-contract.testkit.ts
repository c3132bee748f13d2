import { waitFor } from '@hostwire/testkit';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openRegistry } from './open-registry.ts';
import type { Registry } from './registry.ts';

type Place = { readonly file: string } | { readonly url: string };

/** What every registry promises of remote configuration. `place` names an empty one, a new one at each call. */
export function remoteConfigContract(place: () => Place): void {
  const open = async (at: Place, now?: () => number): Promise<Registry> => {
    const registry = await openRegistry({ ...at, ...(now === undefined ? {} : { now }) });
    onTestFinished(() => registry.close());
    return registry;
  };

  describe('remote configuration', () => {
    it('is set for all, a group and a host, read, changed on the ground of what stands, and taken back', async () => {
      let now = 1000;
      const { remoteConfig, hosts } = await open(place(), () => now);
      await hosts.add('pi-01');
      const all = { intervals: { fast_seconds: 10 } };
      expect(await remoteConfig.set('all', all, 'eve')).toEqual({ scope: 'all', config: all, updatedAt: 1000, updatedBy: 'eve' });
      now = 2000;
      await remoteConfig.set('group:Raspberry Pis', { enabled: false }, null);
      await remoteConfig.set('host:pi-01', (before) => ({ before }), 'eve');
      expect(await remoteConfig.list()).toEqual([
        { scope: 'all', config: all, updatedAt: 1000, updatedBy: 'eve' },
        { scope: 'group:Raspberry Pis', config: { enabled: false }, updatedAt: 2000, updatedBy: null },
        { scope: 'host:pi-01', config: { before: null }, updatedAt: 2000, updatedBy: 'eve' },
      ]);
      await Promise.all(['a', 'b', 'c'].map((key) => remoteConfig.set('all', (before) => ({ ...before, [key]: 1 }), null)));
      expect((await remoteConfig.get('all'))?.config).toEqual({ ...all, a: 1, b: 1, c: 1 });
      expect([await remoteConfig.remove('all'), await remoteConfig.remove('all'), await remoteConfig.get('all')]).toEqual([
        true,
        false,
        null,
      ]);
    });

    it('has the scopes that there are, and those of hosts that there are', async () => {
      const { remoteConfig } = await open(place());
      for (const scope of ['', 'ALL', 'group', 'group:', 'group:a/b', 'host:', 'host:PI', 'all\n', 'group:x\0']) {
        await expect(remoteConfig.set(scope, {}, null), scope).rejects.toMatchObject({ code: 'invalid' });
        await expect(remoteConfig.get(scope), scope).rejects.toMatchObject({ code: 'invalid' });
        await expect(remoteConfig.remove(scope), scope).rejects.toMatchObject({ code: 'invalid' });
      }
      await expect(remoteConfig.set('host:pi-01', {}, null)).rejects.toMatchObject({ code: 'unknown' });
    });

    it('of a host goes with it, and what another process changes is told to who listens', async () => {
      const at = place();
      const [server, cli] = [await open(at), await open(at)];
      let changes = 0;
      const stop = server.remoteConfig.onChange(() => changes++);
      await cli.hosts.add('pi-01');
      await cli.remoteConfig.set('host:pi-01', { enabled: false }, null);
      await waitFor(() => changes === 1, { timeout: 2000, what: 'the news of a configuration' });
      await cli.hosts.remove('pi-01');
      await waitFor(() => changes === 2, { timeout: 2000, what: 'the news of its end' });
      await cli.hosts.add('pi-01');
      expect(await server.remoteConfig.get('host:pi-01')).toBeNull();
      stop();
      await server.remoteConfig.set('all', {}, null);
      expect(changes).toBe(2);
    });
  });
}
