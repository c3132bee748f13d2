import { topics as makeTopics } from '@hostwire/model';
import { generate, type Packet } from 'mqtt-packet';
import type { Dice } from './dice.ts';
import { mutateBytes } from './mutate-bytes.ts';

const topics = makeTopics();

/** A CONNECT of MQTT 3.1.1 that the broker takes. */
export function connectPacket(clientId: string, username: string, password: string, more: Partial<Packet> = {}): Buffer {
  return generate({
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: 4,
    clean: true,
    keepalive: 60,
    clientId,
    username,
    password: Buffer.from(password),
    ...more,
  } as Packet);
}

/** Every packet that a client may send (MQTT 3.1.1 chapter 3), each of them valid, and some that only a server may. */
export function validPackets(host: string, username: string, password: string): { connects: Buffer[]; others: Buffer[] } {
  const will = { topic: topics.status(host), payload: Buffer.from('offline'), qos: 1, retain: true };
  const publish = (topic: string, payload: string | Buffer, qos: 0 | 1 | 2, retain = false, messageId = 7): Buffer =>
    generate({ cmd: 'publish', topic, payload, qos, retain, dup: false, messageId });
  const subscribe = (...filters: string[]): Buffer =>
    generate({ cmd: 'subscribe', messageId: 3, subscriptions: filters.map((topic) => ({ topic, qos: 1 })) });
  const sample = JSON.stringify({ v: 1, host, tier: 'fast', run: 'r', seq: 1, time: Date.now(), interval: 10, catalog: '', data: {} });
  return {
    connects: [
      connectPacket(host, username, password),
      connectPacket(host, username, password, { will } as Partial<Packet>),
      connectPacket('', username, password),
      connectPacket(host, username, password, { protocolId: 'MQIsdp', protocolVersion: 3 }),
      connectPacket(host, username, password, { protocolVersion: 5, properties: { sessionExpiryInterval: 60 } } as Partial<Packet>),
    ],
    others: [
      publish(topics.sample(host, 'fast'), sample, 1),
      publish(topics.sample(host, 'slow'), sample, 2),
      publish(topics.status(host), 'online', 1, true),
      publish(topics.info(host), '{}', 0, true),
      publish(topics.catalog(host), Buffer.from([0x1f, 0x8b, 8, 0, 0]), 1, true),
      publish(`hostwire/v1/${host}/inventory/packages`, 'x'.repeat(200), 1, true),
      publish(`hostwire/v1/${host}/command/result`, '{}', 1),
      subscribe(topics.ack(host), `hostwire/v1/${host}/config`, topics.serverStatus),
      subscribe('hostwire/v1/#'),
      subscribe('$share/ingest/hostwire/v1/+/sample/+'),
      generate({ cmd: 'unsubscribe', messageId: 4, unsubscriptions: [topics.ack(host), 'hostwire/v1/#'] }),
      generate({ cmd: 'pingreq' }),
      generate({ cmd: 'puback', messageId: 1 }),
      generate({ cmd: 'pubrec', messageId: 1 }),
      generate({ cmd: 'pubrel', messageId: 7 }),
      generate({ cmd: 'pubcomp', messageId: 1 }),
      generate({ cmd: 'disconnect' }),
      generate({ cmd: 'connack', returnCode: 0, sessionPresent: false }),
      generate({ cmd: 'suback', messageId: 3, granted: [1] }),
      generate({ cmd: 'unsuback', messageId: 4, granted: [] }),
      generate({ cmd: 'pingresp' }),
      generate({ cmd: 'auth', reasonCode: 0 } as Packet, { protocolVersion: 5 }),
    ],
  };
}

/**
 * A packet with random damage. In half of them the remaining length is made right again, or the damage would hide behind a
 * wrong length and never reach what reads the packet's body.
 */
export function mutatePacket(packet: Buffer, dice: Dice, corpus: readonly Buffer[]): Buffer {
  if (dice.chance(0.5)) return mutateBytes(packet, dice, corpus);
  const body = mutateBytes(packet.subarray(headerLength(packet)), dice, corpus);
  const first = dice.chance(0.1) ? dice.below(256) : (packet[0] ?? 0);
  return Buffer.concat([Buffer.from([first, ...remainingLength(body.length)]), body]);
}

function headerLength(packet: Buffer): number {
  let at = 1;
  while (at < 5 && ((packet[at] ?? 0) & 0x80) !== 0) at++;
  return at + 1;
}

/** MQTT 3.1.1 section 2.2.3. */
function remainingLength(length: number): number[] {
  const bytes: number[] = [];
  let rest = length;
  do {
    const digit = rest % 128;
    rest = Math.floor(rest / 128);
    bytes.push(rest > 0 ? digit | 0x80 : digit);
  } while (rest > 0);
  return bytes;
}
