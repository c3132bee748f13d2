export type { FileSystem, OpenFile } from './file-system.ts';
export { nodeFileSystem } from './file-system.ts';
export { lockFolder, lockHolders } from './folder-lock.ts';
export * from './journal.ts';
export { openJournal } from './segment-log.ts';
export * from './stored-bytes.ts';
