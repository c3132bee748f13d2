export { DiagnosticDump, type DiagnosticDumpOptions } from './diagnostic-dump.ts';
export type { Answer, Asked, DumpEntry } from './dump-entry.ts';
export * from './host-access.ts';
export { keepJson } from './keep-json.ts';
export { LocalHost, type LocalHostOptions } from './local-host.ts';
export { type AccessLog, recordAccess } from './recorder.ts';
export type { ReplayTime } from './replay-clock.ts';
export { ReplayHost, type ReplayOptions } from './replay-host.ts';
