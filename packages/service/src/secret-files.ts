import { readFileSync } from 'node:fs';
import type { ConfigProblem } from './check-config.ts';
import type { ConfigOverride } from './config.ts';

/**
 * Secrets that the environment names by file, as containers are given them: for each variable of `names` (variable -> key) also
 * `<variable>_FILE`, the path of a file that holds the value. Blanks at its end are no part of it. What cannot be read, and a
 * variable that is set both ways, is a problem; no problem shows a value.
 */
export function secretFilesFrom(
  environment: Readonly<Record<string, string | undefined>>,
  names: Readonly<Record<string, string>>,
): { readonly overrides: ConfigOverride[]; readonly problems: ConfigProblem[] } {
  const overrides: ConfigOverride[] = [];
  const problems: ConfigProblem[] = [];
  for (const [name, key] of Object.entries(names)) {
    const source = `${name}_FILE`;
    const file = environment[source];
    if (file === undefined || file === '') continue;
    const problem = (allowed: string): number => problems.push({ key, source, allowed });
    if ((environment[name] ?? '') !== '') {
      problem(`cannot be set beside ${name}; remove one of them`);
      continue;
    }
    try {
      const value = readFileSync(file, 'utf8').trimEnd();
      if (value === '') problem(`is empty: ${file} must hold it`);
      else overrides.push({ key, value, source });
    } catch (error) {
      problem(`is not known: ${file} cannot be read (${(error as NodeJS.ErrnoException).code})`);
    }
  }
  return { overrides, problems };
}
