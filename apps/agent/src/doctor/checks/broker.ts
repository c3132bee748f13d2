import { failure, fine } from '@hostwire/service/doctor';
import { type ConnectionFailure, parseBrokerUrl, tryConnection } from '@hostwire/transport';
import { readTls } from '../../tls-files.ts';
import type { AgentCheck, AgentLook } from '../agent-look.ts';

/** Whether the broker lets this host in. An agent that runs keeps its connection: this one has a name of its own. */
export const broker: AgentCheck = {
  name: 'broker',
  async run(look) {
    const { config, host, token } = look;
    const { server_url: url } = config;
    if (url === undefined || token === null) return [];
    const { shown } = parseBrokerUrl(url);
    const tls = () => readTls(config.tls);
    const refused = await tryConnection({ url, clientId: `${host}:doctor`, username: host, password: token, tls });
    if (refused === null) return [fine(`the broker at ${shown} takes the token of ${host}`)];
    return [failure(`no connection to the broker at ${shown}: ${refused.message}`, cureOf(refused, look))];
  },
};

function cureOf({ kind }: ConnectionFailure, { host, configFile }: AgentLook): string {
  const cures: Readonly<Record<ConnectionFailure['kind'], string>> = {
    auth: `on the server: hostwire enroll ${host}, and run the command that it prints here; or hostwire host rotate ${host}, and put the token that it shows into ${configFile}`,
    tls: `see that the CA file of ${configFile} is that of this server, that the name in server_url is in its certificate, and that both clocks are right`,
    network: `see that the server runs and listens on more than its own loopback (listen), that server_url in ${configFile} names it, and that no firewall is between`,
    refused: `see that server_url in ${configFile} names the MQTT port of the server, and that the server is not older than this agent`,
    closed: `see that server_url in ${configFile} names the MQTT port of the server: mqtts:// for one with TLS, mqtt:// for one without`,
  };
  return cures[kind];
}
