export * from './daemons.ts';
export * from './system.ts';
