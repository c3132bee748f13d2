import { connect as connectSocket, type Socket } from 'node:net';
import { generate, type IConnackPacket, parser } from 'mqtt-packet';

export interface ConnectionOptions {
  readonly address: string;
  readonly port: number;
  readonly clientId: string;
  readonly username: string;
  readonly password: string;
  readonly will?: { readonly topic: string; readonly payload: Buffer };
}

export interface ConnectionHandlers {
  puback(messageId: number): void;
  message(topic: string, payload: Buffer): void;
  /** After what arrived together has been handled. */
  settled(): void;
  /** Once, for whatever reason; not after `end`. */
  closed(): void;
}

/** The broker answered CONNECT with a code other than 0 (MQTT 3.1.1, table 3.1). */
export class ConnectRefused extends Error {
  override readonly name = 'ConnectRefused';
  readonly code: number;
  constructor(code: number, clientId: string) {
    super(`the broker refused ${clientId} with CONNACK code ${code}${code === 4 || code === 5 ? ': check its token' : ''}`);
    this.code = code;
  }
}

const KEEP_ALIVE_SECONDS = 30;
const CONNECT_TIMEOUT_MS = 10_000;

/**
 * One MQTT 3.1.1 connection with a clean session, as thin as can be: what is in flight is the caller's matter, so that many
 * messages can be unacknowledged at once (mqtt.js has no public way to that).
 */
export class MqttConnection {
  readonly #socket: Socket;
  #lastId = 0;
  #ended = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Resolves after CONNACK 0. Throws ConnectRefused, or what the socket says. */
  static open(options: ConnectionOptions, handlers: ConnectionHandlers): Promise<MqttConnection> {
    const { address, port, clientId, username, password, will } = options;
    const socket = connectSocket({ host: address, port, noDelay: true });
    const connection = new MqttConnection(socket);
    const packets = parser({ protocolVersion: 4 });
    let connected = false;
    return new Promise((resolve, reject) => {
      const fail = (error: Error) => {
        reject(error);
        socket.destroy();
      };
      const ping = setInterval(() => socket.write(generate({ cmd: 'pingreq' })), (KEEP_ALIVE_SECONDS * 1000) / 2);
      socket.setTimeout(CONNECT_TIMEOUT_MS, () => fail(new Error(`${clientId}: no CONNACK in ${CONNECT_TIMEOUT_MS} ms`)));
      const onConnack = ({ returnCode = 0 }: IConnackPacket) => {
        if (returnCode !== 0) return fail(new ConnectRefused(returnCode, clientId));
        connected = true;
        socket.setTimeout(0);
        resolve(connection);
      };
      packets.on('packet', (packet) => {
        if (packet.cmd === 'connack') onConnack(packet);
        else if (packet.cmd === 'puback') handlers.puback(packet.messageId ?? 0);
        else if (packet.cmd === 'publish') {
          if (packet.qos === 1 && packet.messageId !== undefined) socket.write(generate({ cmd: 'puback', messageId: packet.messageId }));
          handlers.message(packet.topic, Buffer.from(packet.payload));
        }
      });
      packets.on('error', fail);
      socket.on('connect', () =>
        socket.write(
          generate({
            cmd: 'connect',
            protocolId: 'MQTT',
            protocolVersion: 4,
            clean: true,
            keepalive: KEEP_ALIVE_SECONDS,
            clientId,
            username,
            password: Buffer.from(password),
            ...(will === undefined ? {} : { will: { ...will, qos: 1, retain: true } }),
          }),
        ),
      );
      socket.on('data', (chunk) => {
        socket.cork();
        packets.parse(chunk);
        if (connected) handlers.settled();
        socket.uncork();
      });
      socket.on('error', fail);
      socket.on('close', () => {
        clearInterval(ping);
        reject(new Error(`${clientId}: the broker closed the connection`));
        if (connected && !connection.#ended) handlers.closed();
      });
    });
  }

  /** Publishes with QoS 1 and returns the packet's id, 1..65535. The caller keeps fewer than that in flight. */
  publish(topic: string, payload: Buffer, retain: boolean): number {
    const messageId = this.#nextId();
    this.#socket.write(generate({ cmd: 'publish', topic, payload, qos: 1, retain, dup: false, messageId }));
    return messageId;
  }

  subscribe(topic: string): void {
    this.#socket.write(generate({ cmd: 'subscribe', messageId: this.#nextId(), subscriptions: [{ topic, qos: 1 }] }));
  }

  /** Bundles the writes of `work` into one. */
  together(work: () => void): void {
    this.#socket.cork();
    work();
    this.#socket.uncork();
  }

  /** Says DISCONNECT and closes. */
  end(): void {
    this.#ended = true;
    this.#socket.end(generate({ cmd: 'disconnect' }));
    this.#socket.setTimeout(1000, () => this.#socket.destroy());
  }

  /** Closes without a word, as a host that loses its power. */
  cut(): void {
    this.#ended = true;
    this.#socket.resetAndDestroy();
  }

  #nextId(): number {
    this.#lastId = (this.#lastId % 0xffff) + 1;
    return this.#lastId;
  }
}
