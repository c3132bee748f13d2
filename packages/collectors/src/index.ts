export { remoteConfigSchema, settings } from './agent-settings.ts';
export { cut, printable } from './clean-rows.ts';
export * from './collector.ts';
export { type CollectorSettings, type CollectorsConfig, collectorsConfigSchema, settingsOf } from './config.ts';
export { boundAccess, commandNeeds, isNeeded } from './needs.ts';
export * from './registry.ts';
export * from './runner.ts';
export { agentRow, type Gap, type GapReason, gapRow, SELF_DECLARATIONS, spoolRow } from './self-measurement.ts';
export { KILL_NEEDS, type KillOutcome, killSession, type SessionName } from './tmux/kill.ts';
