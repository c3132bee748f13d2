import { StoreError } from '@hostwire/store';

/**
 * Commits a batch; where the store says `invalid`, its halves, down to the one that is poison: the others must not wait
 * for it. Rejects with any other error of `commit`, and leaves what comes after it uncommitted.
 */
export async function divide<T>(
  batch: readonly T[],
  commit: (part: readonly T[]) => Promise<void>,
  refused: (poison: T, error: StoreError) => unknown,
): Promise<void> {
  try {
    await commit(batch);
  } catch (error) {
    if (!(error instanceof StoreError && error.code === 'invalid')) throw error;
    const [only] = batch;
    if (only === undefined) return;
    if (batch.length === 1) {
      await refused(only, error);
      return;
    }
    const half = batch.length >> 1;
    await divide(batch.slice(0, half), commit, refused);
    await divide(batch.slice(half), commit, refused);
  }
}
