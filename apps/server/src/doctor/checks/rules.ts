import { DEFAULT_RULES_FILE, loadRules } from '@hostwire/alerting';
import { catalog } from '@hostwire/collectors';
import { ConfigError } from '@hostwire/service';
import { failure, fine } from '@hostwire/service/doctor';
import type { ServerCheck } from '../server-look.ts';

/** Whether the alert rules can be read. */
export const rules: ServerCheck = {
  name: 'alert rules',
  async run({ config: { rules: file = DEFAULT_RULES_FILE, roles } }) {
    if (!roles.includes('alerts')) return [];
    try {
      const loaded = await loadRules(file, catalog());
      return [fine(`${loaded.length} rules in ${file}`)];
    } catch (error) {
      if (error instanceof ConfigError) return [failure(error.message, `correct ${file}; docs/guides/alerts.md says what a rule may hold`)];
      return [
        failure(
          `the rules cannot be read: ${(error as Error).message}`,
          'correct rules in the configuration, or remove it for those that ship with Hostwire',
        ),
      ];
    }
  },
};
