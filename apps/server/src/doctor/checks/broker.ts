import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { SERVER_USERNAME } from '@hostwire/registry';
import { redactUrl } from '@hostwire/service';
import { failure, fine } from '@hostwire/service/doctor';
import { tryConnection } from '@hostwire/transport';
import { readInternalToken } from '../../internal-token.ts';
import { keptAddress } from '../../kept-address.ts';
import type { ServerCheck } from '../server-look.ts';

const START = 'start the broker, or correct broker.url (HOSTWIRE_BROKER_URL): mqtt://host:1883, mqtts://host:8883 with TLS';
const CURES: Readonly<Record<string, string>> = {
  auth: 'correct HOSTWIRE_BROKER_USERNAME and HOSTWIRE_BROKER_PASSWORD, or export its users again: hostwire broker export',
  tls: "set broker.ca to the CA of the broker's certificate, and broker.url to a name that stands in it; mqtt:// is for one without TLS",
};

/** Whether the broker takes the server's own connection. */
export const broker: ServerCheck = {
  name: 'broker',
  async run({ config, running }) {
    const { broker: wanted, dataDir } = config;
    const clientId = `doctor-${randomBytes(4).toString('hex')}`;
    if (wanted.kind === 'external') {
      const { url, username, password, ca } = wanted;
      const shown = redactUrl(url);
      const refused = await tryConnection({
        url,
        clientId,
        ...(username === undefined ? {} : { username }),
        ...(password === undefined ? {} : { password }),
        ...(ca === undefined ? {} : { tls: () => ({ ca: readFileSync(ca, 'utf8') }) }),
      });
      if (refused === null) return [fine(`the broker at ${shown} takes the server's credentials`)];
      const cure = CURES[refused.kind] ?? START;
      return [failure(`no connection to the broker at ${shown}: ${refused.message}`, cure)];
    }
    const [address, password] = [keptAddress(dataDir, 'mqtt'), readInternalToken(dataDir)];
    if (running.instances.length === 0 || address === null || password === null) return [];
    const refused = await tryConnection({ url: address, clientId, username: SERVER_USERNAME, password });
    if (refused === null) return [fine(`the embedded broker answers at ${address}`)];
    return [
      failure(
        `no connection to the embedded broker at ${address}: ${refused.message}`,
        'see the log of the server: journalctl -u hostwire -n 50; start it again if it hangs',
      ),
    ];
  },
};
