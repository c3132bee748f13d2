import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Catalog } from '@hostwire/model';
import { loadToml } from '@hostwire/service';
import { type Rule, RulesFileSchema, toRules } from './rule.ts';

/** The rules that ship on. */
export const DEFAULT_RULES_FILE = fileURLToPath(new URL('../rules/default.toml', import.meta.url));

/**
 * Reads and checks a rules file. Throws ConfigError with every problem at once, each with its key, its value and what
 * is allowed.
 */
export async function loadRules(file: string, catalog: Catalog): Promise<Rule[]> {
  const { rule } = loadToml(await readFile(file, 'utf8'), RulesFileSchema, {
    file,
    rules: (value) => toRules(value.rule ?? [], catalog).problems,
  });
  return toRules(rule, catalog).rules;
}
