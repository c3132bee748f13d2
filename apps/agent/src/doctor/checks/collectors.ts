import { COLLECTORS } from '@hostwire/collectors';
import type { Capability } from '@hostwire/model';
import { fine, warning } from '@hostwire/service/doctor';
import { intervalsOf } from '../../agent-config.ts';
import { lacksProc, openHost } from '../../host-source.ts';
import { TickClock } from '../../tick-clock.ts';
import { createTicks } from '../../ticks.ts';
import type { AgentCheck } from '../agent-look.ts';

/** What keeps a collector from something that is there, as against something that this machine does not have. */
const DENIED = /EACCES|EPERM|may not|permission|not allowed|(?<!connection )refused/i;

/** Which collectors work here, and which lack a right. */
export const collectors: AgentCheck = {
  name: 'collectors',
  async run({ config, root }) {
    if (lacksProc(root === '' ? undefined : root)) return [];
    const source = await openHost({ mock: false, loop: false, root, sudo: config.sudo });
    const ticks = createTicks({ source, clock: new TickClock(), intervals: intervalsOf(config), collectors: config.collectors });
    try {
      const capabilities = await ticks.probeAll();
      const all = COLLECTORS.map(({ name }) => ({ name, ...(capabilities[name] ?? { available: false }) }));
      const available = all.filter((one) => one.available).map(({ name }) => name);
      const missing = all.filter((one) => !one.available);
      return [
        fine(`${available.length} of ${all.length} collectors work here: ${available.join(', ')}`),
        ...missing
          .filter(isDenied)
          .map(({ name, reason = '', hint = '' }) =>
            warning(
              `${name} lacks a right: ${reason}`,
              `${hint === '' ? 'give the user of the agent that right' : hint}; or switch it off: [collectors.${name}] enabled = false`,
            ),
          ),
        ...missing
          .filter((one) => !isDenied(one))
          .map(({ name, reason = 'it does not say why', hint = null }) => ({ ...fine(`${name} is not available: ${reason}`), cure: hint })),
      ];
    } finally {
      ticks.close();
      await source.access.close();
    }
  },
};

function isDenied({ available, reason = '' }: Capability): boolean {
  return !available && DENIED.test(reason);
}
