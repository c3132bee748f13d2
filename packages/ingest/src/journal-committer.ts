import type { Journal } from '@hostwire/journal';
import type { Committer } from './commit-queue.ts';
import type { SampleMessage } from './ingest.ts';
import { encodeRecord } from './journal-record.ts';

const NOTHING_REJECTED = { rejected: [] };

/** Durable is what the journal's fsync has answered for. Rejects with JournalError if it is not. */
export function journalCommitter(journal: Pick<Journal, 'append' | 'sync'>): Committer<SampleMessage> {
  return async (messages) => {
    await journal.append(messages.map(encodeRecord));
    await journal.sync();
    return NOTHING_REJECTED;
  };
}
