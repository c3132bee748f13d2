import type { Ask, Outcome } from '../actions/action-desk.ts';
import { ApiError } from './errors.ts';
import type { ActionAnswerBody } from './session-schemas.ts';

/** What an action that was done is answered with. Throws ApiError with its code if it was not. */
export function doneOrThrow({ host, action }: Ask, outcome: Outcome): ActionAnswerBody {
  if (!outcome.done) throw new ApiError(outcome.code, outcome.reason);
  return { id: outcome.id, host: host.host, action, result: 'done', time: outcome.time };
}
