import type { TSchema } from 'typebox';
import { redactUrl } from './redact-url.ts';

/** One thing that is wrong with a configuration. */
export interface ConfigProblem {
  /** Path of the key, e.g. `intervals.fast_seconds`. */
  readonly key: string;
  /** The value found as it would be written in TOML, `***` for secrets, absent if the key is missing. */
  readonly value?: string;
  /** What is allowed, or what to do: the end of a sentence that starts with the key. */
  readonly allowed: string;
  /** Where the value came from if not from the file, e.g. `HOSTWIRE_PORT` or `--port`. */
  readonly source?: string;
  /** Line in the file, from 1. */
  readonly line?: number;
}

/** The part of JSON Schema that configurations are written in. */
interface Schema {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly patternProperties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: boolean | Schema;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  /** In words, for what a pattern cannot say: `mqtt://, mqtts://, ws:// or wss:// and a host`. */
  readonly allowed?: string;
  /** The value is never shown, whatever its key. */
  readonly secret?: boolean;
  /** No value is allowed: why, as the end of a sentence that begins with the key. */
  readonly never?: string;
}

type Table = Record<string, unknown>;

const SECRET = /(^|[._-])(token|password|passphrase|secret|authorization)$/i;

/** True for keys whose values are never shown: token, password, passphrase, secret, authorization, alone or as the last word. */
export function isSecretKey(key: string): boolean {
  return SECRET.test(key);
}

/**
 * The value with defaults filled in, and all problems at once. Tables that are missing count as empty, keys that the
 * schema does not name are problems unless it says `additionalProperties`.
 * `fromText` tells which keys came as text (environment, command line) and are to be read as the type that the schema wants.
 */
export function checkConfig(
  schema: TSchema,
  value: unknown,
  fromText: (key: string) => boolean = () => false,
): { value: unknown; problems: ConfigProblem[] } {
  const problems: ConfigProblem[] = [];
  return { value: check(schema as Schema, value, '', problems, fromText), problems };
}

/** What of a table is allowed, and each key that is not. Nothing is filled in; a list with an item that is not allowed is out as a whole. */
export function acceptKeys(
  schema: TSchema,
  table: unknown,
  { fromText = false }: { /** Values that are text are read as what the schema wants. */ readonly fromText?: boolean } = {},
): { readonly accepted: Readonly<Table>; readonly problems: readonly ConfigProblem[] } {
  const { value, problems } = checkConfig(schema, isTable(table) ? table : {}, () => fromText);
  const found = isTable(table) ? problems : [{ key: 'the configuration', allowed: 'must be a table' }];
  return { accepted: (dropRefused(value) ?? {}) as Table, problems: found };
}

/** Undefined stands for what was refused; also for a list that holds such, and for a table of which nothing is left. */
function dropRefused(value: unknown): unknown {
  if (Array.isArray(value)) return value.some((item) => dropRefused(item) === undefined) ? undefined : value;
  if (!isTable(value)) return value;
  const entries = Object.entries(value)
    .map(([key, inner]) => [key, dropRefused(inner)] as const)
    .filter(([, inner]) => inner !== undefined);
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

function check(schema: Schema, found: unknown, key: string, problems: ConfigProblem[], fromText: (key: string) => boolean): unknown {
  if (schema.never !== undefined) {
    problems.push({ key, allowed: schema.never });
    return undefined;
  }
  const value = typeof found === 'string' && fromText(key) ? parseText(schema, found) : found;
  if (schema.anyOf !== undefined) {
    for (const option of schema.anyOf) {
      const tried: ConfigProblem[] = [];
      const result = check(option, value, key, tried, fromText);
      if (tried.length === 0) return result;
    }
    return fail(schema, value, key, problems);
  }
  if (schema.type === 'object' && isTable(value)) return checkTable(schema, value, key, problems, fromText);
  if (schema.type === 'array' && Array.isArray(value)) {
    if (value.length < (schema.minItems ?? 0) || value.length > (schema.maxItems ?? Number.POSITIVE_INFINITY)) {
      return fail(schema, value, key, problems);
    }
    const { items } = schema;
    return items === undefined ? value : value.map((item, at) => check(items, item, `${key}[${at}]`, problems, fromText));
  }
  return isAllowed(schema, value) ? value : fail(schema, value, key, problems);
}

function checkTable(schema: Schema, table: Table, at: string, problems: ConfigProblem[], fromText: (key: string) => boolean): Table {
  const result: Table = {};
  const properties = schema.properties ?? {};
  const path = (name: string): string => (at === '' ? quoteKey(name) : `${at}.${quoteKey(name)}`);
  for (const [name, property] of Object.entries(properties)) {
    const value = Object.hasOwn(table, name) ? table[name] : undefined;
    if (value !== undefined) result[name] = check(property, value, path(name), problems, fromText);
    else if (property.default !== undefined)
      result[name] = check(property, structuredClone(property.default), path(name), problems, fromText);
    else if (schema.required?.includes(name) !== true) continue;
    else if (property.type === 'object') result[name] = check(property, {}, path(name), problems, fromText);
    else problems.push({ key: path(name), allowed: `is missing; it must be ${describe(property)}` });
  }
  for (const [name, value] of Object.entries(table)) {
    if (Object.hasOwn(properties, name)) continue;
    const pattern = Object.entries(schema.patternProperties ?? {}).find(([expression]) => new RegExp(expression, 'u').test(name));
    const other = pattern?.[1] ?? schema.additionalProperties;
    if (typeof other === 'object') result[name] = check(other, value, path(name), problems, fromText);
    else if (other === true) result[name] = value;
    else {
      const names = Object.keys(properties).filter((property) => properties[property]?.never === undefined);
      const near = nearest(name, names);
      const known = names.join(', ');
      const hint = near !== null ? `did you mean ${near}?` : known === '' ? 'nothing is allowed here' : `allowed here: ${known}`;
      problems.push({ key: path(name), value: show(path(name), value), allowed: `is not a known key; ${hint}` });
    }
  }
  return result;
}

function fail(schema: Schema, value: unknown, key: string, problems: ConfigProblem[]): undefined {
  problems.push({ key, value: schema.secret === true ? '***' : show(key, value), allowed: `must be ${describe(schema)}` });
  return undefined;
}

function isAllowed(schema: Schema, value: unknown): boolean {
  if (schema.const !== undefined) return value === schema.const;
  if (schema.enum !== undefined) return schema.enum.includes(value);
  switch (schema.type) {
    case 'string':
      return (
        typeof value === 'string' &&
        value.length >= (schema.minLength ?? 0) &&
        value.length <= (schema.maxLength ?? Number.POSITIVE_INFINITY) &&
        (schema.pattern === undefined || new RegExp(schema.pattern, 'u').test(value))
      );
    case 'integer':
    case 'number':
      return (
        typeof value === 'number' &&
        (schema.type === 'integer' ? Number.isSafeInteger(value) : Number.isFinite(value)) &&
        value >= (schema.minimum ?? Number.NEGATIVE_INFINITY) &&
        value <= (schema.maximum ?? Number.POSITIVE_INFINITY) &&
        value > (schema.exclusiveMinimum ?? Number.NEGATIVE_INFINITY) &&
        value < (schema.exclusiveMaximum ?? Number.POSITIVE_INFINITY)
      );
    case 'boolean':
      return typeof value === 'boolean';
    case undefined:
      return true;
    default:
      return false;
  }
}

/** In words what the schema allows. */
function describe(schema: Schema): string {
  if (schema.allowed !== undefined) return schema.allowed;
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum !== undefined) return `one of ${schema.enum.map((value) => JSON.stringify(value)).join(', ')}`;
  if (schema.anyOf !== undefined) {
    const values = schema.anyOf.map((option) => option.const);
    if (!values.includes(undefined)) return `one of ${values.map((value) => JSON.stringify(value)).join(', ')}`;
    return schema.anyOf.map(describe).join(' or ');
  }
  if (schema.type === undefined) return 'a value';
  switch (schema.type) {
    case 'integer':
    case 'number':
      return `${schema.type === 'integer' ? 'a whole number' : 'a number'}${describeRange(schema)}`;
    case 'string':
      if (schema.pattern !== undefined) return `text that matches ${schema.pattern}`;
      if (schema.maxLength !== undefined) return `text of ${schema.minLength ?? 0} to ${schema.maxLength} characters`;
      return (schema.minLength ?? 0) > 0 ? 'text that is not empty' : 'text';
    case 'boolean':
      return 'true or false';
    case 'object':
      return 'a table';
    case 'array':
      return schema.items === undefined ? 'a list' : `a list, each ${describe(schema.items)}`;
    default:
      return schema.type;
  }
}

function describeRange(schema: Schema): string {
  const from = schema.minimum ?? schema.exclusiveMinimum;
  const to = schema.maximum ?? schema.exclusiveMaximum;
  const above = schema.minimum === undefined ? 'above' : 'from';
  const below = schema.maximum === undefined ? 'below' : 'to';
  if (from !== undefined && to !== undefined) return ` ${above} ${from} ${below} ${to}`;
  if (from !== undefined) return schema.minimum === undefined ? ` above ${from}` : `, ${from} or more`;
  if (to !== undefined) return schema.maximum === undefined ? ` below ${to}` : `, ${to} or less`;
  return '';
}

/** Text of the environment or of an option as the type that the schema wants; as it is where it does not read so. */
function parseText(schema: Schema, text: string): unknown {
  const options = schema.anyOf ?? [schema];
  const wants = (type: string): boolean => options.some((option) => option.type === type);
  const trimmed = text.trim();
  if ((wants('number') || wants('integer')) && trimmed !== '' && Number.isFinite(Number(trimmed))) return Number(trimmed);
  if (wants('boolean') && /^(true|1|yes|on)$/i.test(trimmed)) return true;
  if (wants('boolean') && /^(false|0|no|off)$/i.test(trimmed)) return false;
  if (wants('array') && !wants('string')) return splitList(trimmed);
  return text;
}

/** Nothing between two commas is no item: a list may be put together of parts of which one is empty. */
function splitList(text: string): string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

function isTable(value: unknown): value is Table {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

function quoteKey(name: string): string {
  return /^[A-Za-z0-9_-]+$/.test(name) ? name : JSON.stringify(name);
}

function show(key: string, value: unknown): string {
  if (key.split('.').some((part) => isSecretKey(part.replace(/(\[\d+\])+$/, '')))) return '***';
  // JSON has no words for these; TOML has.
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value).toLowerCase().replace('infinity', 'inf');
  const text = JSON.stringify(value, (name, inner: unknown) => {
    if (isSecretKey(name)) return '***';
    if (typeof inner === 'bigint') return inner.toString();
    return typeof inner === 'string' ? redactUrl(inner) : inner;
  });
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

/** The name at an edit distance of at most a third of its length, or null. */
function nearest(name: string, candidates: readonly string[]): string | null {
  let best: string | null = null;
  let bestDistance = Math.max(1, Math.floor(name.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(name.toLowerCase().slice(0, 64), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** Levenshtein distance: insertions, deletions and substitutions. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substituted = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substituted, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
