import { fine, warning } from '@hostwire/service/doctor';
import type { ConfigBody } from '../../api/schemas.ts';
import { isLoopback } from '../../kept-address.ts';
import { transportWarnings } from '../../tls/warnings.ts';
import type { ServerCheck } from '../server-look.ts';

const MEND = 'use TLS there';
const CURES: Readonly<Record<string, string>> = {
  'plain-transport': 'set tls.allow_plain to false (HOSTWIRE_ALLOW_PLAIN) and start the server again',
  'plain-broker': 'set broker.url to an address with TLS (HOSTWIRE_BROKER_URL), and broker.ca to the CA of its certificate',
};

/** Whether something crosses the network in clear: by the server that runs, which may have other options than this command; else as configured. */
export const transport: ServerCheck = {
  name: 'transport',
  async run({ config, running }, signal) {
    const { listen, warnings } = await running.get<ConfigBody>('/api/config', signal).then(
      ({ listen: { address }, warnings: all }) => ({ listen: address, warnings: all.filter(({ code }) => CURES[code] !== undefined) }),
      () => ({ listen: config.listen, warnings: transportWarnings(config, null) }),
    );
    if (warnings.length > 0) return warnings.map(({ code, message }) => warning(message, CURES[code] ?? MEND));
    return [fine(isLoopback(listen) ? 'only this machine reaches the server' : 'other machines reach the server by TLS alone')];
  },
};
