import { MAX_PAYLOAD_BYTES } from '@hostwire/model';

/** What one client, or all that are not known yet, may cost. Bytes and milliseconds. */
export interface BrokerLimits {
  /** A packet of a client that is not authenticated yet; a CONNECT with its will fits. */
  readonly maxConnectBytes: number;
  /** Any other packet: the largest payload and room for its topic. */
  readonly maxPacketBytes: number;
  /** From the accepted socket to valid credentials. */
  readonly connectTimeoutMs: number;
  readonly maxClients: number;
  /**
   * Connections that have not authenticated yet: of all, and of one address, behind which a whole fleet may be. One more
   * takes the place of the oldest that has not even said who it is: of its own address, or of the address that has most.
   */
  readonly maxPending: number;
  readonly maxPendingPerAddress: number;
  /** A subscriber that has more than this waiting for 2 s, or 16 times as much at once, is disconnected; it never slows the others down. */
  readonly maxBufferedBytes: number;
  readonly maxSubscriptions: number;
  /** Retained messages of one host. Beyond that its messages are delivered and not kept. */
  readonly maxRetainedPerHost: number;
  readonly maxRetainedBytesPerHost: number;
}

export const DEFAULT_LIMITS: BrokerLimits = {
  maxConnectBytes: 4096,
  maxPacketBytes: MAX_PAYLOAD_BYTES + 1024,
  connectTimeoutMs: 10_000,
  maxClients: 10_000,
  maxPending: 2000,
  maxPendingPerAddress: 1000,
  maxBufferedBytes: 1024 * 1024,
  maxSubscriptions: 64,
  maxRetainedPerHost: 64,
  maxRetainedBytesPerHost: 2 * 1024 * 1024,
};
