export * from './series-store.ts';
