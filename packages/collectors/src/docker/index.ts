import type { HostAccess } from '@hostwire/host-access';
import type { Capability } from '@hostwire/model';
import Type from 'typebox';
import { defineCollector } from '../collector.ts';
import { MEASUREMENTS } from './declaration.ts';
import { collectEngine, ENGINE_OPTIONS, ENGINE_PATHS, engineNeeds, probeEngine } from './engine.ts';

const SOCKET = '/var/run/docker.sock';

const GRANT =
  'add the agent to the group of the socket (usermod -aG docker hostwire-agent, then restart it; in a container DOCKER_GID); that group may do on this host what root may';

export const docker = defineCollector({
  name: 'docker',
  tier: 'medium',
  help: 'Containers of Docker, and the engine.',
  measurements: MEASUREMENTS,
  needs: engineNeeds([SOCKET]),
  configuredNeeds: ({ socket }) => (socket === '' ? {} : { sockets: [{ path: socket, get: ENGINE_PATHS }] }),
  options: Type.Object({
    socket: Type.String({ remote: false, default: '', description: `Unix socket of the engine; empty: ${SOCKET}` }),
    ...ENGINE_OPTIONS,
  }),
  needsTwo: true,
  async probe(access, { socket }): Promise<Capability> {
    if (socket === '' && (await isOfPodman(access))) {
      return { available: false, reason: `${SOCKET} is the socket of Podman, which has a collector of its own` };
    }
    const path = socket || SOCKET;
    return (await probeEngine(access, path, GRANT)) ?? { available: false, reason: `there is no ${path}` };
  },
  collect: (context) => collectEngine(context, context.options.socket || SOCKET, context.options),
});

/** Debian's podman-docker puts a link there. */
async function isOfPodman(access: HostAccess): Promise<boolean> {
  const target = await access.readLink(SOCKET).catch(() => '');
  return target.includes('podman');
}
