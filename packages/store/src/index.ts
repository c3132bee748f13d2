export { type EmbeddedStore, type EmbeddedStoreOptions, type EmbeddedStoreStats, openEmbeddedStore } from './embedded/embedded-store.ts';
export type { Credentials } from './http/credentials.ts';
export { createInfluxHttp, type InfluxHttpOptions } from './http/influx-http.ts';
export { type InfluxStoreOptions, openInfluxStore } from './influxdb/influx-store.ts';
export { quoteExactRegex, quoteIdentifier, quoteString } from './influxql/quote.ts';
export * from './series-store.ts';
