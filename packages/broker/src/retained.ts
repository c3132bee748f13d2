import { Readable } from 'node:stream';
import type { Topics } from '@hostwire/model';
import { topicFilter } from '@hostwire/transport';
import type { AedesPublishPacket } from 'aedes';

export interface RetainedMessage {
  readonly cmd: 'publish';
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: 0 | 1 | 2;
  readonly retain: true;
}

interface Usage {
  messages: number;
  bytes: number;
}

/** The last retained message of each topic, in memory. */
export class RetainedMessages {
  readonly #topics: Topics;
  readonly #messages = new Map<string, RetainedMessage>();
  readonly #usage = new Map<string, Usage>();
  #bytes = 0;

  constructor(topics: Topics) {
    this.#topics = topics;
  }

  get size(): number {
    return this.#messages.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Whether a host may keep a payload of `bytes` under `topic` without exceeding its share. */
  admits(host: string, topic: string, bytes: number, maxMessages: number, maxBytes: number): boolean {
    const usage = this.#usage.get(host) ?? { messages: 0, bytes: 0 };
    const old = this.#messages.get(topic);
    return usage.messages + (old === undefined ? 1 : 0) <= maxMessages && usage.bytes - (old?.payload.length ?? 0) + bytes <= maxBytes;
  }

  /** Keeps a message in place of the topic's last one; an empty payload only removes that (MQTT 3.1.1 section 3.3.1.3). */
  store({ topic, payload, qos }: AedesPublishPacket): void {
    const old = this.#messages.get(topic);
    if (old !== undefined) {
      this.#messages.delete(topic);
      this.#account(topic, -1, -old.payload.length);
    }
    if (payload.length === 0) return;
    // A copy: the payload may be a view of a whole chunk of the socket.
    const kept = Buffer.allocUnsafeSlow(Buffer.byteLength(payload));
    if (typeof payload === 'string') kept.write(payload);
    else payload.copy(kept);
    this.#messages.set(topic, { cmd: 'publish', topic, payload: kept, qos, retain: true });
    this.#account(topic, 1, kept.length);
  }

  *matching(filters: readonly string[]): Generator<RetainedMessage> {
    for (const filter of filters) {
      if (!/[+#]/.test(filter)) {
        const message = this.#messages.get(filter);
        if (message !== undefined) yield message;
        continue;
      }
      const matches = topicFilter(filter);
      for (const [topic, message] of this.#messages) if (matches(topic)) yield message;
    }
  }

  stream(filters: readonly string[]): Readable {
    return Readable.from(this.matching(filters));
  }

  /** Hosts that have retained messages here. */
  hosts(): string[] {
    return [...this.#usage.keys()];
  }

  topicsOf(host: string): string[] {
    return [...this.#messages.keys()].filter((topic) => this.#topics.parse(topic)?.host === host);
  }

  #account(topic: string, messages: number, bytes: number): void {
    this.#bytes += bytes;
    const host = this.#topics.parse(topic)?.host;
    if (host === undefined) return;
    const usage = this.#usage.get(host) ?? { messages: 0, bytes: 0 };
    usage.messages += messages;
    usage.bytes += bytes;
    if (usage.messages === 0) this.#usage.delete(host);
    else this.#usage.set(host, usage);
  }
}
