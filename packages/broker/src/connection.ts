import type { Duplex } from 'node:stream';
import type { Client } from 'aedes';
import type { BrokerLimits } from './limits.ts';
import { Pace, type PaceGroup } from './pace.ts';
import { PacketGate } from './packet-gate.ts';
import type { Principal } from './principal.ts';
import type { Refusal } from './refusals.ts';

/** So much is written at once, or what the turn of the event loop brought. */
const GATHER_BYTES = 64 * 1024;
/** A burst is not slowness: a subscriber may have this many times the limit waiting, for so long. */
const BURST_FACTOR = 16;
const BURST_MS = 2000;

/** Above this the retained messages of a new subscription wait until the client has taken what it was sent. */
const RETAINED_HIGH_WATER = 256 * 1024;

/** What CONNECT said (MQTT 3.1.1 section 3.1). */
export interface ConnectRequest {
  readonly clientId: string;
  readonly clean: boolean;
  readonly willTopic: string | null;
}

/** Who a connection is, once its credentials were accepted. */
export interface Session {
  readonly id: string;
  readonly principal: Principal;
  /** Empty: the certificate alone says who it is. */
  readonly credential: string;
  /** Serial number of the certificate that was shown; null: none was. */
  readonly certificate: string | null;
}

/** What a client showed in its TLS handshake. */
export interface ShownCertificate {
  readonly commonName: string;
  /** Hex, lower case. */
  readonly serial: string;
  /** Of the own CA, and in its time. */
  readonly isTrusted: boolean;
}

/** One socket or WebSocket, from the moment it was accepted. */
export class Connection {
  readonly stream: Duplex;
  readonly address: string;
  /** Resolves when the connection is gone and aedes has put its session away. */
  readonly ended: Promise<void>;
  readonly pace: Pace;
  request: ConnectRequest | null = null;
  /** Set once the credentials were accepted. */
  session: Session | null = null;
  /** Null: none, or no TLS. */
  certificate: ShownCertificate | null = null;
  isSecure = false;
  /** Came as a WebSocket. */
  isWeb = false;
  /** The broker ends it because it stops. */
  isSentAway = false;
  subscriptions = 0;
  /** Why it ends was counted, or is the client's own wish. */
  accounted = false;
  readonly #refuse: (reason: Refusal, connection: Connection) => void;
  readonly #limits: BrokerLimits;

  constructor(
    stream: Duplex,
    address: string,
    limits: BrokerLimits,
    paces: PaceGroup,
    refuse: (reason: Refusal, connection: Connection) => void,
  ) {
    this.stream = stream;
    this.address = address;
    this.pace = new Pace(paces);
    this.#limits = limits;
    this.#refuse = refuse;
    for (const event of ['end', 'error']) {
      stream.once(event, () => {
        this.accounted = true;
      });
    }
    this.ended = new Promise((done) => {
      // aedes ends a session one turn after its connection: it unsubscribes, then sends the will.
      stream.once('close', () => {
        this.pace.stop();
        setImmediate(() => setImmediate(done));
      });
    });
    this.#gatherWrites();
  }

  /** Ends the connection without a word to the client. */
  drop(reason: Refusal): void {
    if (this.stream.destroyed) return;
    this.accounted = true;
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
   * client that lets too much pile up is dropped: at once when it is very much, else when it is still so after a moment,
   * for one commit can bring the samples of a whole fleet. What is written in one turn of the event loop goes in few
   * system calls: the PUBACK of a sample and its `ack`.
   */
  #gatherWrites(): void {
    const { stream } = this;
    const write = stream.write.bind(stream) as (...args: unknown[]) => boolean;
    const { maxBufferedBytes } = this.#limits;
    let corked = false;
    let patience: NodeJS.Timeout | undefined;
    const uncork = (): void => {
      if (!corked) return;
      corked = false;
      stream.uncork();
    };
    stream.once('close', () => clearTimeout(patience));
    stream.write = (...args: unknown[]) => {
      if (!corked) {
        corked = true;
        stream.cork();
        setImmediate(uncork);
      }
      write(...args);
      if (stream.writableLength > GATHER_BYTES) uncork();
      if (stream.writableLength > maxBufferedBytes * BURST_FACTOR) {
        this.drop('slow');
      } else if (stream.writableLength > maxBufferedBytes && !stream.destroyed) {
        patience ??= setTimeout(() => {
          patience = undefined;
          if (stream.writableLength > maxBufferedBytes) this.drop('slow');
        }, BURST_MS);
      }
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
