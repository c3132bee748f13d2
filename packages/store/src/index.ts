export { type EmbeddedStore, type EmbeddedStoreOptions, type EmbeddedStoreStats, openEmbeddedStore } from './embedded/embedded-store.ts';
export { quoteIdentifier, quoteString } from './influxql/quote.ts';
export * from './series-store.ts';
