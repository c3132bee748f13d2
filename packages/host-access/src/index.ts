export * from './host-access.ts';
