import { isDeepStrictEqual } from 'node:util';
import { stringify } from 'smol-toml';
import { parseToml } from './config.ts';

/** Key of the top level -> what it is to be: text, a table of text, or nothing (undefined). */
export type TomlReplacement = Readonly<Record<string, string | Readonly<Record<string, string>> | undefined>>;

const HEADER = /^\s*\[\[?\s*["']?([^"'\].\s]+)/;

/**
 * The TOML text with keys of its top level replaced, and all else as it is: order and comments too, unless the text is
 * written in a way that a replacement line by line would break (then they are lost, but no value). `file` is what an error
 * calls the text. Throws ConfigError on a syntax error.
 */
export function replaceToml(text: string, file: string, replacement: TomlReplacement): string {
  const wanted = Object.fromEntries(
    Object.entries({ ...parseToml(text, file), ...replacement }).filter(([, value]) => value !== undefined),
  );
  const edited = replaceLines(text, replacement);
  try {
    if (isDeepStrictEqual(plain(parseToml(edited, file)), plain(wanted))) return edited;
  } catch {
    // Such as a line within a text of several lines that looks like one of the keys.
  }
  return `${stringify(wanted)}\n`;
}

function replaceLines(text: string, replacement: TomlReplacement): string {
  const scalars = new Map(Object.entries(replacement).filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
  const isNamed = (key: string | undefined): boolean => key !== undefined && Object.hasOwn(replacement, key);
  const top: string[] = [];
  const rest: string[] = [];
  let last = 0;
  let dropping = false;
  let inTop = true;
  // Comments and empty lines before the next table, which are about that one.
  let held: string[] = [];
  for (const line of text === '' ? [] : text.replace(/\n$/, '').split('\n')) {
    const header = HEADER.exec(line);
    if (header !== null) {
      inTop = false;
      if (dropping) rest.push(...held);
      held = [];
      dropping = isNamed(header[1]);
    }
    if (dropping) held = /^\s*(#.*)?$/.test(line) ? [...held, line] : [];
    else if (!inTop) rest.push(line);
    else {
      const key = /^\s*["']?([A-Za-z0-9_-]+)["']?\s*[=.]/.exec(line)?.[1];
      const value = key === undefined ? undefined : scalars.get(key);
      if (key === undefined || !isNamed(key)) top.push(line);
      else if (value !== undefined) {
        last = top.push(assignment(key, value));
        scalars.delete(key);
      }
    }
  }
  // What the file did not have stands after the last of those that it had, else at its beginning.
  top.splice(last, 0, ...[...scalars].map(([key, value]) => assignment(key, value)));
  const tables = Object.entries(replacement).filter(([, value]) => typeof value === 'object');
  const kept = [...top, ...rest].join('\n').trimEnd();
  return [...(kept === '' ? [] : [`${kept}\n`]), ...tables.map(([key, value]) => stringify({ [key]: value }))].join('\n');
}

function assignment(key: string, value: string): string {
  return stringify({ [key]: value }).trimEnd();
}

/** Tables of the parser have no prototype. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, plain(one)]));
}
