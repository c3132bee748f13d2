import { describe, expect, it, onTestFinished } from 'vitest';
import { openRegistry } from './open-registry.ts';

type Place = { readonly file: string } | { readonly url: string };

/** What every registry promises of hosts behind a gateway. `place` names an empty one, a new one at each call. */
export function gatewayContract(place: () => Place): void {
  const open = async () => {
    const registry = await openRegistry(place());
    onTestFinished(() => registry.close());
    const { token } = await registry.hosts.add('gw');
    return { ...registry, token };
  };

  describe('gateways', () => {
    it('speak for hosts that have no token, and are told to a broker with them', async () => {
      const { hosts, tokens } = await open();
      await hosts.addBehind('pi-2', 'gw');
      await hosts.addBehind('pi-1', 'gw');
      expect((await hosts.list()).map(({ host, gateway }) => [host, gateway])).toEqual([
        ['gw', null],
        ['pi-1', 'gw'],
        ['pi-2', 'gw'],
      ]);
      expect([tokens.gatewayOf('pi-1'), tokens.gatewayOf('gw'), tokens.gatewayOf('none')]).toEqual(['gw', null, null]);
      expect(await tokens.mqttUsers()).toMatchObject([{ kind: 'host', name: 'gw', speaksFor: ['pi-1', 'pi-2'] }]);
      for (const password of ['', 'x']) expect(await tokens.checkMqtt('pi-1', password)).toMatchObject({ ok: false });
      await expect(hosts.addBehind('pi-1', 'gw')).rejects.toMatchObject({ code: 'exists' });
    });

    it('are hosts, with a token of their own', async () => {
      const { hosts } = await open();
      await hosts.addBehind('pi-1', 'gw');
      await hosts.add('other');
      await expect(hosts.addBehind('pi-2', 'none')).rejects.toMatchObject({ code: 'unknown' });
      await expect(hosts.addBehind('pi-2', 'pi-1')).rejects.toMatchObject({ code: 'invalid', message: expect.stringContaining('gw') });
      await expect(hosts.update('gw', { gateway: 'gw' })).rejects.toMatchObject({ code: 'invalid' });
      await expect(hosts.update('gw', { gateway: 'other' })).rejects.toMatchObject({
        code: 'invalid',
        message: expect.stringContaining('pi-1'),
      });
    });

    it('take a host over, and lose it to a token of its own', async () => {
      const { hosts, tokens } = await open();
      const { token } = await hosts.add('pi-1');
      expect(await hosts.update('pi-1', { gateway: 'gw' })).toMatchObject({ gateway: 'gw' });
      expect(await tokens.checkMqtt('pi-1', token)).toMatchObject({ ok: false });
      const { token: own } = await hosts.rotate('pi-1');
      expect(tokens.gatewayOf('pi-1')).toBeNull();
      expect(await tokens.checkMqtt('pi-1', own)).toMatchObject({ ok: true, host: 'pi-1' });
      expect(await hosts.update('pi-1', { labels: { site: 'home' } })).toMatchObject({ gateway: null });
      expect(await tokens.checkMqtt('pi-1', own)).toMatchObject({ ok: true });
    });

    it('that are removed speak for nobody, also when a host of their name comes', async () => {
      const { hosts, tokens } = await open();
      await hosts.addBehind('pi-1', 'gw');
      await hosts.remove('gw');
      await hosts.add('gw');
      expect(tokens.gatewayOf('pi-1')).toBeNull();
      expect(await hosts.get('pi-1')).toMatchObject({ gateway: null });
      expect(await tokens.checkMqtt('pi-1', '')).toMatchObject({ ok: false });
    });
  });
}
