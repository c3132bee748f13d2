export * from './collector.ts';
export { type CollectorSettings, type CollectorsConfig, collectorsConfigSchema, settingsOf } from './config.ts';
export * from './registry.ts';
export * from './runner.ts';
export { agentRow, SELF_DECLARATIONS } from './self-measurement.ts';
