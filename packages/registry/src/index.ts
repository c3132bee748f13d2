export * from './enrolment.ts';
export { inspectRegistry, type RegistryInspection } from './inspect-registry.ts';
export { SESSION_IDLE_MS, SESSION_MAX_MS } from './logins.ts';
export { openRegistry, type RegistryOptions } from './open-registry.ts';
export { describeUrl } from './postgres-database.ts';
export * from './registry.ts';
export { hashToken, randomSecret, verifyToken } from './token-hash.ts';
