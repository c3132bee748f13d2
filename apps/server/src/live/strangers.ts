import type { Counters } from '@hostwire/model';
import type { BusMessage } from '@hostwire/transport';
import type { LiveState } from './live-state.ts';

export interface Strangers {
  /** The newest message of each topic of a host that is not enrolled yet; it is handled when the host is. */
  keep(host: string, message: BusMessage): void;
}

const MAX_BYTES = 16 * 1024 * 1024;
/** Of one message beside its payload. */
const OVERHEAD_BYTES = 512;

/** Keeps what hosts said before they were enrolled. When it is full, what comes is left out: it comes again some time. */
export function keepStrangers(live: LiveState, counters: Counters, handle: (message: BusMessage) => void): Strangers {
  const waiting = new Map<string, Map<string, BusMessage>>();
  let bytes = 0;
  const sizeOf = (message: BusMessage | undefined): number => (message === undefined ? 0 : message.payload.length + OVERHEAD_BYTES);
  live.onChange((host) => {
    const messages = waiting.get(host);
    if (messages === undefined || live.get(host) === undefined) return;
    waiting.delete(host);
    for (const message of messages.values()) {
      bytes -= sizeOf(message);
      handle(message);
    }
  });
  return {
    keep(host, message) {
      const messages = waiting.get(host) ?? new Map<string, BusMessage>();
      const grown = bytes + sizeOf(message) - sizeOf(messages.get(message.topic));
      if (grown > MAX_BYTES) {
        counters.add('strangers_dropped');
        return;
      }
      bytes = grown;
      messages.set(message.topic, message);
      waiting.set(host, messages);
    },
  };
}
