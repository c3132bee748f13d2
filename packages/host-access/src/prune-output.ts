import type { ExecOptions, ExecResult } from './host-access.ts';
import { keepJson } from './keep-json.ts';

/** What a command printed, without what it was not wanted for (`keep`, `commandLines`). */
export function pruneOutput(result: ExecResult, { keep, commandLines }: ExecOptions): ExecResult {
  if (keep !== undefined) return { ...result, stdout: keepJson(result.stdout, keep), stderr: '' };
  if (commandLines === undefined) return result;
  return { ...result, stdout: commandLines.reduce(withoutArguments, result.stdout) };
}

/** The text in which of all that stands between `from` and `to`, or after the last `from`, only the first word is left. */
export function withoutArguments(text: string, [from, to]: readonly [from: string, to: string]): string {
  let kept = '';
  let at = 0;
  for (;;) {
    const start = text.indexOf(from, at);
    if (start < 0) return kept + text.slice(at);
    const begin = start + from.length;
    const end = text.indexOf(to, begin);
    const line = text.slice(begin, end < 0 ? undefined : end);
    kept += text.slice(at, begin) + (/\S+/.exec(line)?.[0] ?? '');
    if (end < 0) return kept;
    at = end;
  }
}
