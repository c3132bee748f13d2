import { UsageError } from './failure.ts';

/** The action of a command whose first argument says what to do; shell completion offers its `words`. */
export interface Choice<Rest extends unknown[]> {
  (word: unknown, ...rest: Rest): unknown;
  readonly words: readonly string[];
}

/** Runs the action that the first argument of `command` names. It throws UsageError if there is none of that name. */
export function choose<Rest extends unknown[]>(
  command: string,
  actions: Readonly<Record<string, (...rest: Rest) => unknown>>,
): Choice<Rest> {
  const words = Object.keys(actions);
  const run = (word: unknown, ...rest: Rest): unknown => {
    const action = Object.hasOwn(actions, String(word)) ? actions[String(word)] : undefined;
    if (action !== undefined) return action(...rest);
    const all = words.map((name) => `${command} ${name}`).join(', ');
    throw new UsageError(`${command} ${String(word)} is not a command; there ${words.length === 1 ? 'is' : 'are'}: ${all}`);
  };
  return Object.assign(run, { words });
}
