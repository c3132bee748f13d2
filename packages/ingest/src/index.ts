export { DeadLetters, type DeadLettersOptions } from './dead-letters.ts';
export { decodeSample } from './decode.ts';
export {
  createIngest,
  type Ingest,
  IngestError,
  type IngestOptions,
  type IngestStats,
  type SampleListener,
  type SampleMessage,
} from './ingest.ts';
export { SampleCheck } from './sample-check.ts';
export { subscribeIngest } from './subscribe-ingest.ts';
export { type FieldTypes, toPoints } from './to-points.ts';
