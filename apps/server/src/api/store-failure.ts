import { StoreError } from '@hostwire/store';
import { ApiError } from './errors.ts';

/** What a failed question to the store is for a client; any other error as it is. */
export function storeFailure(error: unknown): unknown {
  if (!(error instanceof StoreError)) return error;
  if (error.code === 'unavailable' || error.code === 'closed') {
    return new ApiError('store-unavailable', 'The store does not answer at the moment; try again.', { cause: error });
  }
  return new ApiError('store-failed', `The store could not answer: ${error.message}`, { cause: error });
}
