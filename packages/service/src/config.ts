import { parse, TomlError } from 'smol-toml';
import type { Static, TSchema } from 'typebox';
import { type ConfigProblem, checkConfig } from './check-config.ts';
import { keyLines } from './key-lines.ts';

/** A configuration that cannot be used: every problem at once. The message is fit to be printed; no secret is in it. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly code = 'config';
  readonly file: string;
  readonly problems: readonly ConfigProblem[];

  constructor(file: string, problems: readonly ConfigProblem[], options?: { cause?: unknown }) {
    const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
    super(`${file}: ${count}\n${problems.map((problem) => `  ${describeProblem(problem)}`).join('\n')}`, options);
    this.file = file;
    this.problems = problems;
  }
}

/** A value that goes before the file's: from the environment or the command line. */
export interface ConfigOverride {
  /** Key path, e.g. `database.url`. */
  readonly key: string;
  /** Text is read as the type that the schema wants at that key. */
  readonly value: unknown;
  /** What an error calls it, e.g. `--port` or `HOSTWIRE_PORT`. */
  readonly source: string;
}

export interface LoadOptions<Value = unknown> {
  /** What an error calls the text: its path. */
  readonly file: string;
  /** Later ones win. */
  readonly overrides?: readonly ConfigOverride[];
  /** What a schema cannot say (one key needs another). Called also when there are problems already: those keys are absent. */
  readonly rules?: (value: Partial<Value>) => readonly ConfigProblem[];
}

/**
 * The configuration in a TOML text (TOML 1.0) with overrides laid over it and defaults filled in.
 * Keys that the schema does not name are errors; tables that are missing count as empty. A schema may say in words what it
 * allows with the annotation `allowed`.
 * Throws ConfigError that lists every problem, each with key path, value and what is allowed; a syntax error has line and column.
 */
export function loadToml<S extends TSchema>(text: string, schema: S, options: LoadOptions<Static<S>>): Static<S> {
  const table = parseToml(text, options.file);
  const overrides = new Map<string, string>();
  const clashes: ConfigProblem[] = [];
  for (const { key, value, source } of options.overrides ?? []) {
    if (setKey(table, key, value)) overrides.set(key, source);
    else clashes.push({ key, allowed: 'cannot be set: the file has a value where its table should be', source });
  }
  const checked = checkConfig(schema, table, (key) => overrides.has(key));
  const problems = [...clashes, ...checked.problems, ...(options.rules?.(checked.value as Partial<Static<S>>) ?? [])];
  if (problems.length === 0) return checked.value as Static<S>;
  const lines = keyLines(text);
  throw new ConfigError(
    options.file,
    problems.map((problem) => {
      const source = problem.source ?? overrides.get(problem.key);
      if (source !== undefined) return { ...problem, source };
      const line = lines(problem.key);
      return line === null || problem.value === undefined ? problem : { ...problem, line };
    }),
  );
}

/**
 * Overrides out of a record (environment variables, parsed options): `names` says which name sets which key. Names that are
 * absent, or in the environment empty, set nothing.
 */
export function overridesFrom(
  values: Readonly<Record<string, unknown>>,
  names: Readonly<Record<string, string>>,
  label: (name: string) => string = (name) => name,
): ConfigOverride[] {
  const overrides: ConfigOverride[] = [];
  for (const [name, key] of Object.entries(names)) {
    const value = values[name];
    if (value !== undefined && value !== '') overrides.push({ key, value, source: label(name) });
  }
  return overrides;
}

/** The table of a TOML text. Throws ConfigError on a syntax error. */
export function parseToml(text: string, file: string): Record<string, unknown> {
  try {
    return parse(text, { integersAsBigInt: 'asNeeded', unsafeKeyBehaviour: 'throw', maxDepth: 32 });
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    // The message goes on with the lines around the error, which may hold a token.
    const [first = ''] = error.message.replace(/^Invalid TOML document: /, '').split('\n');
    const problem = { key: `line ${error.line}, column ${error.column}`, allowed: `is not TOML: ${first}`, line: error.line };
    throw new ConfigError(file, [problem]);
  }
}

function setKey(table: Record<string, unknown>, key: string, value: unknown): boolean {
  const parts = key.split('.');
  const last = parts.pop() ?? key;
  let at = table;
  for (const part of parts) {
    const next = at[part] ?? {};
    if (typeof next !== 'object' || Array.isArray(next) || next instanceof Date) return false;
    at[part] = next;
    at = next as Record<string, unknown>;
  }
  at[last] = value;
  return true;
}

/** A problem in one sentence; no secret is in it. */
export function describeProblem({ key, value, allowed, source, line }: ConfigProblem): string {
  const where = source !== undefined ? ` (from ${source})` : line !== undefined && !key.startsWith('line ') ? ` (line ${line})` : '';
  return `${key}${value === undefined ? '' : ` = ${value}`}${where} ${allowed}`;
}
