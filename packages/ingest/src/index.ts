export { isLetterId, readLetter, readLetters, type StoredLetter } from './dead-letter-files.ts';
export { pendingReplays, type ReplayOutcome, replayOutcomes, requestReplay, serveReplays } from './dead-letter-replay.ts';
export { DeadLetters, type DeadLettersOptions } from './dead-letters.ts';
export { decodeSample } from './decode.ts';
export { type Conflict, createIdentityWatch, type IdentityWatch } from './identity-watch.ts';
export {
  createIngest,
  type Ingest,
  IngestError,
  type IngestOptions,
  type IngestStats,
  type SampleListener,
  type SampleMessage,
} from './ingest.ts';
export { adoptJournals, type HeldJournal, type JournalFoldersOptions, openOwnJournal } from './journal-folders.ts';
export { ingestLevels } from './levels.ts';
export { SampleCheck } from './sample-check.ts';
export { subscribeIngest, watchIdentities } from './subscribe-ingest.ts';
export { type FieldTypes, toPoints } from './to-points.ts';
