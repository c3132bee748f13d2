import { fine, warning } from '@hostwire/service/doctor';
import { isLoopback } from '../../kept-address.ts';
import { transportWarnings } from '../../tls/warnings.ts';
import type { ServerCheck } from '../server-look.ts';

const MEND = 'use TLS there';
const CURES: Readonly<Record<string, string>> = {
  'plain-transport': 'set tls.allow_plain to false (HOSTWIRE_ALLOW_PLAIN) and start the server again',
  'plain-broker': 'set broker.url to an address with TLS (HOSTWIRE_BROKER_URL), and broker.ca to the CA of its certificate',
};

/** Whether something crosses the network in clear. */
export const transport: ServerCheck = {
  name: 'transport',
  async run({ config }) {
    const found = transportWarnings(config, null).map(({ code, message }) => warning(message, CURES[code] ?? MEND));
    if (found.length > 0) return found;
    return [fine(isLoopback(config.listen) ? 'only this machine reaches the server' : 'other machines reach the server by TLS alone')];
  },
};
