import type { Duplex } from 'node:stream';
import type { Client } from 'aedes';
import type { BrokerLimits } from './limits.ts';
import { PacketGate } from './packet-gate.ts';
import type { Principal } from './principal.ts';
import type { Refusal } from './refusals.ts';

/** Above this the retained messages of a new subscription wait until the client has taken what it was sent. */
const RETAINED_HIGH_WATER = 256 * 1024;

/** What CONNECT said (MQTT 3.1.1 section 3.1). */
export interface ConnectRequest {
  readonly clientId: string;
  readonly clean: boolean;
  readonly willTopic: string | null;
}

/** One socket or WebSocket, from the moment it was accepted. */
export class Connection {
  readonly stream: Duplex;
  readonly address: string;
  /** Resolves when the connection is gone and aedes has put its session away. */
  readonly ended: Promise<void>;
  request: ConnectRequest | null = null;
  /** Set once the credentials were accepted. */
  session: { readonly id: string; readonly principal: Principal; readonly credential: string } | null = null;
  /** Counted among those that have not authenticated yet. */
  pending = true;
  subscriptions = 0;
  readonly #refuse: (reason: Refusal, connection: Connection) => void;
  readonly #limits: BrokerLimits;

  constructor(stream: Duplex, address: string, limits: BrokerLimits, refuse: (reason: Refusal, connection: Connection) => void) {
    this.stream = stream;
    this.address = address;
    this.#limits = limits;
    this.#refuse = refuse;
    this.ended = new Promise((done) => {
      // aedes ends a session one turn after its connection: it unsubscribes, then sends the will.
      stream.once('close', () => setImmediate(() => setImmediate(done)));
    });
    this.#gatherWrites();
  }

  /** Ends the connection without a word to the client. */
  drop(reason: Refusal): void {
    if (this.stream.destroyed) return;
    this.#refuse(reason, this);
    this.stream.destroy();
  }

  /**
   * Puts this connection's limits around the parser of aedes' client (aedes 1.2 has no packet limit), and makes
   * retained messages wait for a client that does not read.
   */
  guard(client: Client): void {
    const { _parser: parser } = client as Client & { readonly _parser: { parse(bytes: Buffer): number } };
    const parse = parser.parse.bind(parser);
    const gate = new PacketGate();
    parser.parse = (bytes) => {
      if (this.stream.destroyed) return 0;
      if (!gate.accept(bytes, this.session === null ? this.#limits.maxConnectBytes : this.#limits.maxPacketBytes)) {
        this.drop('oversized');
        return 0;
      }
      try {
        return parse(bytes);
      } catch {
        this.drop('protocol');
        return 0;
      }
    };
    const receiver = client as Client & { deliverQoS(packet: { readonly retain: boolean }, done: () => void): void };
    const deliver = receiver.deliverQoS;
    receiver.deliverQoS = (packet, done) => deliver(packet, packet.retain ? () => this.#drained(done) : done);
  }

  /**
   * aedes holds back all subscribers of a message until each has taken it. Here a write always counts as taken, and a
   * client that lets too much pile up is dropped. What is written in one turn of the event loop goes in one system call:
   * the PUBACK of a sample and its `ack`.
   */
  #gatherWrites(): void {
    const { stream } = this;
    const write = stream.write.bind(stream) as (...args: unknown[]) => boolean;
    let corked = false;
    const uncork = (): void => {
      corked = false;
      stream.uncork();
    };
    stream.write = (...args: unknown[]) => {
      if (!corked) {
        corked = true;
        stream.cork();
        setImmediate(uncork);
      }
      write(...args);
      if (stream.writableLength > this.#limits.maxBufferedBytes) this.drop('slow');
      return true;
    };
  }

  #drained(done: () => void): void {
    const { stream } = this;
    if (stream.destroyed || stream.writableLength < RETAINED_HIGH_WATER) {
      done();
      return;
    }
    const proceed = (): void => {
      stream.off('drain', proceed);
      stream.off('close', proceed);
      done();
    };
    stream.on('drain', proceed);
    stream.on('close', proceed);
  }
}
