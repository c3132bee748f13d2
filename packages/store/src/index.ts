export { quoteIdentifier, quoteString } from './influxql/quote.ts';
export * from './series-store.ts';
