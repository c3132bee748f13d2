export { type Broker, BrokerError, type BrokerOptions, type BrokerStats, startBroker } from './broker.ts';
export { type BrokerLimits, DEFAULT_LIMITS } from './limits.ts';
export type { Principal } from './principal.ts';
