import { join } from 'node:path';
import { readLetters } from '@hostwire/ingest';
import { fine, warning } from '@hostwire/service/doctor';
import { DEAD_LETTERS } from '../../roles/open-ingest.ts';
import type { ServerCheck } from '../server-look.ts';

const DAY_MS = 86_400_000;
const COUNTED = 1000;

/** Whether messages were set aside lately. */
export const deadLetters: ServerCheck = {
  name: 'dead letters',
  async run({ config: { dataDir }, now }) {
    const reasons = new Map<string, number>();
    let count = 0;
    for await (const { time, reason } of readLetters(join(dataDir, DEAD_LETTERS))) {
      if (Date.parse(time) < now() - DAY_MS || count >= COUNTED) break;
      count++;
      reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
    }
    if (count === 0) return [fine('no message was set aside in the last 24 hours')];
    const list = [...reasons].map(([reason, of]) => `${of} ${reason}`).join(', ');
    return [
      warning(
        `${count >= COUNTED ? 'more than ' : ''}${count} messages were set aside in the last 24 hours: ${list}`,
        'look at them: hostwire deadletter list; when the cause is gone: hostwire deadletter replay --all',
      ),
    ];
  },
};
