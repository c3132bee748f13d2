import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hashToken } from '@hostwire/registry';
import { findCommand, freePort, startMosquitto, systemSuite, tempDir, waitFor } from '@hostwire/testkit';
import { connectMqtt } from '@hostwire/transport';
import { expect, it, onTestFinished } from 'vitest';
import { recorder, rig, topics } from './broker.testkit.ts';
import { externalAccess } from './external-access.ts';
import { mosquittoAcl, mosquittoPasswords } from './mosquitto-files.ts';

const will = (host: string) => ({ topic: topics.status(host), payload: 'offline', qos: 1, retain: true }) as const;

/** A gateway that has connected for itself and for two hosts, beside a host of its own token. */
async function fleet() {
  const made = await rig();
  const { token } = await made.registry.hosts.add('gw');
  await made.registry.hosts.add('other');
  for (const host of ['pi-1', 'pi-2']) await made.registry.hosts.addBehind(host, 'gw');
  const clients = new Map(
    await Promise.all(
      ['gw', 'pi-1', 'pi-2'].map(async (host) => [host, await made.connect('gw', token, { clientId: host, will: will(host) })] as const),
    ),
  );
  const connected = (): string[] => [...clients].filter(([, client]) => client.connected).map(([host]) => host);
  return { ...made, token, clients, connected };
}

it('a gateway speaks for the hosts behind it, each with a will of its own, and for no other', async () => {
  const { broker, registry, clients, client, token, refused, connected } = await fleet();
  expect([...broker.stats().hosts].sort()).toEqual(['gw', 'pi-1', 'pi-2']);
  const seen: string[] = [];
  await broker.bus().subscribe('hostwire/v1/+/status', ({ topic, payload }) => void seen.push(`${topic} ${Buffer.from(payload)}`));
  await clients.get('pi-1')?.publish(topics.status('pi-1'), 'online', { qos: 1, retain: true });
  expect(seen).toEqual(['hostwire/v1/pi-1/status online']);
  // As one host it does not speak as another, nor as the gateway itself.
  clients
    .get('pi-2')
    ?.publish(topics.status('pi-1'), 'offline', { qos: 1 })
    .catch(() => undefined);
  await waitFor(() => refused('foreign-topic') === 1);
  clients
    .get('pi-1')
    ?.publish(topics.status('gw'), 'offline', { qos: 1 })
    .catch(() => undefined);
  await waitFor(() => refused('foreign-topic') === 2);
  client('gw', token, { clientId: 'other' });
  await waitFor(() => refused('client-id') > 0);
  client('pi-1', token);
  await waitFor(() => refused('unknown-host') > 0);
  const { token: foreign } = await registry.hosts.rotate('other');
  const before = refused('client-id');
  client('other', foreign, { clientId: 'pi-1' });
  await waitFor(() => refused('client-id') > before);
  await waitFor(() => connected().length === 3, { what: 'those that were sent away to be back' });
});

it('what is taken from a gateway is gone within two seconds: one host, or all of them with its token', async () => {
  const { registry, connected } = await fleet();
  let began = performance.now();
  await registry.hosts.remove('pi-1');
  await waitFor(() => !connected().includes('pi-1'));
  expect(performance.now() - began).toBeLessThan(2000);
  expect(connected()).toEqual(['gw', 'pi-2']);
  began = performance.now();
  await registry.hosts.rotate('gw');
  await waitFor(() => connected().length === 0);
  expect(performance.now() - began).toBeLessThan(2000);
});

it('a host that gets a token of its own is its own from then on', async () => {
  const { registry, connected, connect } = await fleet();
  const { token } = await registry.hosts.rotate('pi-1');
  await waitFor(() => !connected().includes('pi-1'));
  await connect('pi-1', token);
  expect(connected()).toEqual(['gw', 'pi-2']);
});

it('a broker elsewhere that asks is told the same', async () => {
  const { registry, token } = await fleet();
  const access = externalAccess({ registry, topics, server: null, logger: recorder() });
  expect(await access.mayConnect('gw', token, 'pi-1')).toMatchObject({ allowed: true });
  for (const [user, clientId] of [
    ['gw', 'other'],
    ['pi-1', 'pi-1'],
  ] as const) {
    expect(await access.mayConnect(user, token, clientId)).toEqual({ allowed: false });
  }
  expect(['gw', 'pi-1', 'pi-2', 'other'].map((host) => access.may('gw', 'publish', topics.status(host)))).toEqual([
    true,
    true,
    true,
    false,
  ]);
  expect(['pi-1', 'other'].map((host) => access.may('gw', 'subscribe', topics.ack(host)))).toEqual([true, false]);
});

systemSuite(['mosquitto'], 'Mosquitto, with the files that are made for it', () => {
  it('lets a gateway speak for the hosts behind it, and for no other', async () => {
    expect(findCommand('mosquitto')).not.toBeNull();
    const { registry, token } = await fleet();
    const users = await registry.tokens.mqttUsers();
    const server = { name: 'hostwire-server', hash: hashToken('s') };
    const folder = tempDir();
    writeFileSync(join(folder, 'passwords'), mosquittoPasswords(users, server), { mode: 0o600 });
    writeFileSync(join(folder, 'acl'), mosquittoAcl(users, server, topics), { mode: 0o600 });
    const port = await freePort();
    const config = `listener ${port} 127.0.0.1\nallow_anonymous false\nuser root\npassword_file ${folder}/passwords\nacl_file ${folder}/acl\n`;
    const mosquitto = await startMosquitto({ port, config });
    onTestFinished(() => mosquitto.stop());
    const connect = async (username: string, password: string, clientId: string) => {
      const client = connectMqtt({ url: mosquitto.url, clientId, username, password, logger: recorder(), minDelayMs: 50, maxDelayMs: 200 });
      onTestFinished(() => client.close());
      await waitFor(() => client.connected, { what: clientId });
      return client;
    };
    const seen: string[] = [];
    const reader = await connect('hostwire-server', 's', 'hostwire-reader');
    await reader.subscribe('hostwire/v1/+/status', ({ topic }) => void seen.push(topic));
    const pi = await connect('gw', token, 'pi-1');
    for (const host of ['other', 'gw', 'pi-1']) await pi.publish(topics.status(host), 'online', { qos: 1 });
    // Mosquitto knows users, not clients: a gateway may speak for all that is its own over each of its connections.
    await waitFor(() => seen.length === 2);
    expect(seen).toEqual([topics.status('gw'), topics.status('pi-1')]);
  });
});
