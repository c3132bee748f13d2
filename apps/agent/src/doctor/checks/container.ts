import { access, readFile } from 'node:fs/promises';
import { failure, fine, type Observation, warning } from '@hostwire/service/doctor';
import { lacksProc } from '../../host-source.ts';
import type { AgentCheck } from '../agent-look.ts';

/** Files that container engines put into a container. */
const MARKS = ['/.dockerenv', '/run/.containerenv'];

/** Whether an agent in a container looks at its host. */
export const container: AgentCheck = {
  name: 'container',
  run: async ({ root, env }) => lookAtContainer(root, await isInContainer(env)),
};

/** `root` is HOST_ROOT, empty where there is none. */
export function lookAtContainer(root: string, isContained: boolean): Observation[] {
  if (root !== '' && lacksProc(root)) {
    return [
      failure(
        `HOST_ROOT is ${root}, and there is no /proc of a host there`,
        "mount the host's / read-only there, with its /proc and /sys: -v /:/host:ro -v /proc:/host/proc:ro -v /sys:/host/sys:ro, HOST_ROOT=/host",
      ),
    ];
  }
  if (!isContained) return [];
  if (root !== '') return [fine(`in a container, and looks at the host through ${root}`)];
  return [
    warning(
      'the agent is in a container and HOST_ROOT is not set: it would report the container as the host',
      "mount the host's / read-only, and say where: -v /:/host:ro -v /proc:/host/proc:ro -v /sys:/host/sys:ro, HOST_ROOT=/host",
    ),
  ];
}

async function isInContainer(env: NodeJS.ProcessEnv): Promise<boolean> {
  // A system container (LXC, nspawn) is a host of its own.
  if (['docker', 'podman', 'oci'].includes(env['container'] ?? '')) return true;
  const marks = await Promise.all(
    MARKS.map((path) =>
      access(path).then(
        () => true,
        () => false,
      ),
    ),
  );
  if (marks.includes(true)) return true;
  return /\/(?:docker|kubepods|containerd)\b/.test(await readFile('/proc/1/cgroup', 'utf8').catch(() => ''));
}
