import {
  type Catalog,
  CUSTOM_PREFIX,
  type FieldDeclaration,
  GROUP_PATTERN,
  LABEL_KEY_PATTERN,
  parseDuration,
  type Tags,
} from '@hostwire/model';
import Type, { type Static } from 'typebox';

const Name = Type.String({ pattern: '^[a-z][a-z0-9_]{0,63}$' });
const Duration = Type.String({ pattern: '^(\\d+(\\.\\d+)?(ms|[smhdw]))+$', description: 'A duration such as 30s, 5m, 1h.' });

const RuleSchema = Type.Object(
  {
    name: Name,
    severity: Type.Union([Type.Literal('info'), Type.Literal('warning'), Type.Literal('critical')]),
    condition: Type.Union([Type.Literal('above'), Type.Literal('below'), Type.Literal('offline'), Type.Literal('conflict')]),
    measurement: Type.Optional(Type.String({ minLength: 1 })),
    field: Type.Optional(Type.String({ minLength: 1 })),
    groups: Type.Optional(
      Type.Array(Type.String({ pattern: GROUP_PATTERN.source, allowed: 'the name of a group of hosts' }), { minItems: 1 }),
    ),
    labels: Type.Optional(
      Type.Record(Type.String({ pattern: LABEL_KEY_PATTERN.source }), Type.String({ minLength: 1 }), { additionalProperties: false }),
    ),
    where: Type.Optional(Type.Record(Type.String(), Type.String())),
    group_by: Type.Optional(Type.Array(Type.String({ minLength: 1 }))),
    threshold: Type.Optional(Type.Number()),
    clear_threshold: Type.Optional(Type.Number()),
    for: Type.Optional(Duration),
    summary: Type.String({ minLength: 1, maxLength: 500 }),
  },
  { additionalProperties: false },
);

/** Schema of a rules file: `[[rule]]` tables. */
export const RulesFileSchema = Type.Object({ rule: Type.Array(RuleSchema, { default: [] }) }, { additionalProperties: false });

export type RuleTable = Static<typeof RuleSchema>;
export type Severity = RuleTable['severity'];

interface RuleBase {
  readonly name: string;
  readonly severity: Severity;
  /** Only hosts of one of these groups; null: of any, and of none. */
  readonly groups: readonly string[] | null;
  /** Only hosts that have all of these labels. */
  readonly labels: Readonly<Record<string, string>>;
  /** How long the condition must hold before the alert fires, ms. */
  readonly forMs: number;
  /** Template: {value}, {duration} (the value, of seconds), {threshold}, {age}, {host}, the names of tags, {older} and {newer} of a conflict. */
  readonly summary: string;
}

/** A host that is offline, by its will or by silence. */
export interface OfflineRule extends RuleBase {
  readonly condition: 'offline';
}

/** Two agents that run with one identity. */
export interface ConflictRule extends RuleBase {
  readonly condition: 'conflict';
}

/** A field of a measurement against a threshold. */
export interface ThresholdRule extends RuleBase {
  readonly condition: 'above' | 'below';
  readonly measurement: string;
  readonly field: string;
  readonly where: Tags;
  /** Each combination of these tags is an alert of its own; empty: the worst row of the host. */
  readonly groupBy: readonly string[];
  readonly threshold: number;
  /** A firing alert resolves only beyond this. */
  readonly clearThreshold: number;
  readonly unit: string;
}

export type Rule = OfflineRule | ConflictRule | ThresholdRule;

/** Whether a rule is one for this host. */
export function isFor(
  { groups, labels }: Rule,
  host: { readonly group: string | null; readonly labels: Readonly<Record<string, string>> },
): boolean {
  if (groups !== null && (host.group === null || !groups.includes(host.group))) return false;
  return Object.entries(labels).every(([key, value]) => Object.hasOwn(host.labels, key) && host.labels[key] === value);
}

/** Conditions on the host itself, which read no field. */
function isOfHost(condition: RuleTable['condition']): condition is 'offline' | 'conflict' {
  return condition === 'offline' || condition === 'conflict';
}

export interface RuleProblem {
  readonly key: string;
  readonly value: string;
  readonly allowed: string;
}

/** Rules of a checked table, or every problem that the schema cannot see: names twice, keys that a condition needs, the catalog. */
export function toRules(tables: readonly RuleTable[], catalog: Catalog): { rules: Rule[]; problems: RuleProblem[] } {
  const rules: Rule[] = [];
  const problems: RuleProblem[] = [];
  const names = new Set<string>();
  for (const [index, table] of tables.entries()) {
    const key = (name: string) => `rule[${index}].${name}`;
    if (names.has(table.name)) problems.push({ key: key('name'), value: table.name, allowed: 'a name that no other rule has' });
    names.add(table.name);
    const { name, severity, summary, groups = null, labels = {} } = table;
    const base: RuleBase = { name, severity, summary, groups, labels, forMs: parseDuration(table.for ?? '0s') ?? 0 };
    if (isOfHost(table.condition)) {
      for (const name of ['measurement', 'field', 'where', 'group_by', 'threshold', 'clear_threshold'] as const) {
        if (table[name] !== undefined) {
          problems.push({
            key: key(name),
            value: JSON.stringify(table[name]),
            allowed: `absent: the condition "${table.condition}" reads no field`,
          });
        }
      }
      rules.push({ ...base, condition: table.condition });
      continue;
    }
    const rule = toThresholdRule(table, base, catalog, key, problems);
    if (rule !== null) rules.push(rule);
  }
  return { rules, problems };
}

/** The unit of a field that is true (1) or false (0). */
const FLAG = 'flag';

/** A field of a host's own source, which nobody declares: whether it is there is seen when it comes. */
const OF_A_SOURCE: FieldDeclaration = { type: 'float', unit: '1', kind: 'gauge', help: '' };

function toThresholdRule(
  table: RuleTable,
  base: RuleBase,
  catalog: Catalog,
  key: (name: string) => string,
  problems: RuleProblem[],
): ThresholdRule | null {
  const { condition, measurement, field, threshold } = table;
  if (isOfHost(condition)) return null;
  const before = problems.length;
  for (const [name, value] of Object.entries({ measurement, field, threshold })) {
    if (value === undefined) problems.push({ key: key(name), value: '(absent)', allowed: `required by the condition "${condition}"` });
  }
  if (measurement === undefined || field === undefined || threshold === undefined) return null;
  const declared = catalog.measurements[measurement];
  const isCustom = declared === undefined && measurement.startsWith(CUSTOM_PREFIX);
  const declaredField = isCustom ? OF_A_SOURCE : declared?.fields[field];
  if (declared === undefined && !isCustom) {
    problems.push({
      key: key('measurement'),
      value: measurement,
      allowed: `one of ${Object.keys(catalog.measurements).sort().join(', ')}, or of a source of the host's own: ${CUSTOM_PREFIX}*`,
    });
  } else if (declaredField === undefined) {
    problems.push({
      key: key('field'),
      value: field,
      allowed: `a field of ${measurement}: ${Object.keys(declared?.fields ?? {})
        .sort()
        .join(', ')}`,
    });
  } else if (declaredField.type === 'string') {
    problems.push({ key: key('field'), value: field, allowed: 'a field that is a number, or a flag (1 or 0)' });
  } else if (declaredField.kind === 'counter') {
    problems.push({ key: key('field'), value: field, allowed: 'a gauge: a counter only grows, so a threshold says nothing' });
  }
  for (const tag of [...Object.keys(table.where ?? {}), ...(table.group_by ?? [])]) {
    if (declared !== undefined && declared.tags[tag] === undefined) {
      const known = Object.keys(declared.tags).sort().join(', ');
      problems.push({
        key: key('where'),
        value: tag,
        allowed: known === '' ? `nothing: ${measurement} has no tags` : `a tag of ${measurement}: ${known}`,
      });
    }
  }
  const clearThreshold = table.clear_threshold ?? threshold;
  if (condition === 'above' ? clearThreshold > threshold : clearThreshold < threshold) {
    problems.push({
      key: key('clear_threshold'),
      value: String(clearThreshold),
      allowed: `${condition === 'above' ? 'at most' : 'at least'} the threshold, ${threshold}`,
    });
  }
  if (problems.length > before || declaredField === undefined) return null;
  return {
    ...base,
    condition,
    measurement,
    field,
    where: table.where ?? {},
    groupBy: table.group_by ?? [],
    threshold,
    clearThreshold,
    unit: declaredField.type === 'bool' ? FLAG : declaredField.unit,
  };
}
