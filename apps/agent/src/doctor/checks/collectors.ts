import { COLLECTORS } from '@hostwire/collectors';
import type { Capability } from '@hostwire/model';
import { fine, warning } from '@hostwire/service/doctor';
import { intervalsOf } from '../../agent-config.ts';
import { lacksProc, openHost } from '../../host-source.ts';
import { TickClock } from '../../tick-clock.ts';
import { createTicks } from '../../ticks.ts';
import type { AgentCheck } from '../agent-look.ts';

/** What keeps a collector from something that is there, as against something that this machine does not have. */
const DENIED = /EACCES|EPERM|may not|permission|not allowed|refused/i;

/** Which collectors work here, and which lack a right. */
export const collectors: AgentCheck = {
  name: 'collectors',
  async run({ config, root }) {
    if (lacksProc(root === '' ? undefined : root)) return [];
    const source = await openHost({ mock: false, loop: false, root, sudo: config.sudo });
    const ticks = createTicks({ source, clock: new TickClock(), intervals: intervalsOf(config), collectors: config.collectors });
    try {
      const capabilities = await ticks.probeAll();
      const denied = COLLECTORS.map(({ name }) => ({ name, ...(capabilities[name] ?? { available: false }) })).filter(isDenied);
      const available = Object.values(capabilities).filter((capability) => capability.available).length;
      return [
        fine(`${available} of ${COLLECTORS.length} collectors work here (hostwire-agent --list)`),
        ...denied.map(({ name, reason = '', hint = '' }) =>
          warning(
            `${name} lacks a right: ${reason}`,
            `${hint === '' ? 'give the user of the agent that right' : hint}; or switch it off: [collectors.${name}] enabled = false`,
          ),
        ),
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
