import type { ExecOptions, ExecResult } from './host-access.ts';
import { keepJson } from './keep-json.ts';

/** What a command printed, without what it was not wanted for (`keep`, `commandLines`), or was told in confidence. */
export function pruneOutput(result: ExecResult, options: ExecOptions, args: readonly string[] = []): ExecResult {
  const { keep, commandLines, confidential = false } = options;
  if (keep !== undefined) return { ...result, stdout: keepJson(result.stdout, keep), stderr: '' };
  if (commandLines === undefined && !confidential) return result;
  const stdout = commandLines === undefined ? result.stdout : commandLines.reduce(withoutArguments, result.stdout);
  return { ...result, stdout, stderr: confidential ? withoutWords(result.stderr.slice(0, MAX_SAID), args) : result.stderr };
}

/** Shorter ones are no secrets, and stand in any sentence. */
const SHORTEST_SECRET = 4;
/** Of what a command says that was told something in confidence; the rest is discarded. */
const MAX_SAID = 16_384;

/** The text with `...` for each of the arguments and of their parts: a command that fails likes to say what it was told. */
function withoutWords(text: string, args: readonly string[]): string {
  const words = new Set(args.flatMap((arg) => [arg, ...arg.split(/\s+/), ...arg.split(/[\s'"`=?&:@,;|()<>]+/)]));
  const longestFirst = [...words].filter((word) => word.length >= SHORTEST_SECRET).sort((a, b) => b.length - a.length);
  return longestFirst.reduce((left, word) => left.replaceAll(word, '...'), text);
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
