export * from './catalog.ts';
export * from './codec.ts';
export * from './counters.ts';
export * from './duration.ts';
export * from './point.ts';
export * from './sample.ts';
export * from './topic.ts';
