export * from './collector.ts';
export { type CollectorSettings, type CollectorsConfig, collectorsConfigSchema, settingsOf } from './config.ts';
export * from './registry.ts';
export * from './runner.ts';
export { agentRow } from './self-measurement.ts';
