export { type Broker, BrokerError, type BrokerOptions, type BrokerStats, startBroker } from './broker.ts';
export { BROKER_SECRET_HEADER, emqxAcl, emqxConf } from './emqx-files.ts';
export { type ExternalAccess, externalAccess } from './external-access.ts';
export { type BrokerLimits, DEFAULT_LIMITS } from './limits.ts';
export { mosquittoAcl, mosquittoConf, mosquittoPasswords, type ServerUser } from './mosquitto-files.ts';
export type { Principal } from './principal.ts';
export type { SecurePort } from './secure-server.ts';
