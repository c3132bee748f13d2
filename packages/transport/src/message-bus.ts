/** How a server role hears and speaks MQTT: through the embedded broker in the same process, or as a client of an external one. */
export interface MessageBus {
  publish(topic: string, payload: string | Uint8Array, options: PublishOptions): Promise<void>;
  /** Handlers are called in order of arrival; what one throws is logged, and neither stops the others nor the bus. */
  subscribe(filter: string, handler: (message: BusMessage) => void): Promise<() => Promise<void>>;
  close(): Promise<void>;
}

export interface PublishOptions {
  readonly qos: 0 | 1;
  readonly retain?: boolean;
}

export interface BusMessage {
  readonly topic: string;
  readonly payload: Uint8Array;
  /** True only for what the broker had kept: a retained message is no sign of life. */
  readonly retained: boolean;
  /** This process's clock at arrival, ms since the epoch. */
  readonly receivedAt: number;
}
