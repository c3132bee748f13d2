import type { Reach } from '../reach.ts';
import { quote } from './shell-word.ts';

/** What to type on the new host; each holds the code. */
export interface EnrolCommands {
  /** Fetches the script from this server and runs it. */
  readonly install: string;
  /** The same from an archive that was copied to the host, for one without curl. */
  readonly archive: string;
  /** The agent in a container. */
  readonly docker: string;
}

/** The commands with which a host enrols. `host` null: it takes its own host name. */
export function enrolCommands(
  { httpUrl, pin }: Pick<Reach, 'httpUrl' | 'pin'>,
  { code, host, version }: { readonly code: string; readonly host: string | null; readonly version: string },
): EnrolCommands {
  const options = [
    `--server ${quote(httpUrl)}`,
    ...(pin === null ? [] : [`--pin ${quote(pin)}`]),
    ...(host === null ? [] : [`--host ${quote(host)}`]),
    `--code ${quote(code)}`,
  ].join(' ');
  // The pin takes the place of the check against the system's CAs, which do not know this server's: with -k, and only with it.
  const fetching = pin === null ? 'curl -fsS' : `curl -fsSk --pinnedpubkey ${quote(pin)}`;
  // Of whichever architecture was copied.
  const archive = `hostwire-agent-${version}-linux-*`;
  const image = `hostwire-agent:${version}`;
  const kept = '-v hostwire-agent:/etc/hostwire -v hostwire-agent-spool:/var/lib/hostwire-agent';
  const seen = '-v /:/host:ro,rslave -e HOST_ROOT=/host';
  return {
    install: `${fetching} ${quote(`${httpUrl}/install.sh`)} | sudo sh -s -- ${options}`,
    archive: `tar -xzf ${archive}.tar.gz && sudo ./${archive}/install.sh ${options}`,
    docker: [
      `docker run --rm --network host ${kept} ${seen} ${image} enroll ${options}`,
      `docker run -d --name hostwire-agent --restart unless-stopped --network host --pid host ${kept} ${seen} ${image}`,
    ].join(' && '),
  };
}
