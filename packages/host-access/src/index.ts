export * from './host-access.ts';
export { LocalHost } from './local-host.ts';
