export { type ConfigProblem, isSecretKey } from './check-config.ts';
export * from './config.ts';
export * from './end-process.ts';
export * from './lifecycle.ts';
export * from './logger.ts';
export * from './notify.ts';
export * from './redact-url.ts';
export * from './version.ts';
