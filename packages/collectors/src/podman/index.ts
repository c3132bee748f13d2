import { AccessError, type HostAccess } from '@hostwire/host-access';
import type { Capability, Row } from '@hostwire/model';
import Type from 'typebox';
import { defineCollector } from '../collector.ts';
import { MEASUREMENTS } from '../docker/declaration.ts';
import { collectEngine, ENGINE_OPTIONS, engineNeeds, probeEngine } from '../docker/engine.ts';
import { isAbsent } from '../proc-text.ts';
import { parsePasswd } from '../processes/parse.ts';

const ROOTFUL = '/run/podman/podman.sock';

interface Socket {
  readonly path: string;
  /** Whose containers they are, if not root's. */
  readonly user: string;
}

export const podman = defineCollector({
  name: 'podman',
  tier: 'medium',
  help: 'Containers of Podman, of root and of users whose socket may be asked.',
  measurements: MEASUREMENTS,
  needs: { files: ['/etc/passwd', '/run/user/*'], ...engineNeeds([ROOTFUL, '/run/user/*/podman/podman.sock']) },
  options: Type.Object(ENGINE_OPTIONS),
  needsTwo: true,
  async probe(access): Promise<Capability> {
    const sockets = await findSockets(access, {});
    const answers = await Promise.all(sockets.map(({ path }) => probeEngine(access, path, grantOf(path))));
    const found = answers.filter((answer) => answer !== null);
    return (
      found.find(({ available }) => available) ??
      found[0] ?? { available: false, reason: `there is no ${ROOTFUL} and no socket of a user (systemctl enable --now podman.socket)` }
    );
  },
  async collect(context) {
    const { access, options, signal, memory, report } = context;
    const rows: Record<string, Row[]> = {};
    const failures: unknown[] = [];
    let answered = 0;
    for (const { path, user } of await findSockets(access, { signal })) {
      try {
        const own = await collectEngine(context, path, options, user === '' ? {} : { engine_user: user });
        for (const [measurement, list] of Object.entries(own)) rows[measurement] = [...(rows[measurement] ?? []), ...list];
        answered += 1;
      } catch (error) {
        memory.delete(path);
        signal.throwIfAborted();
        failures.push(error);
      }
    }
    // The socket of another user, or none any more, is no failure as long as one is left.
    if (answered === 0 && failures.length > 0) throw failures.find((error) => !isAbsent(error)) ?? failures[0];
    for (const failure of failures) if (!isAbsent(failure)) report(failure);
    return rows;
  },
});

/** The socket of root's Podman, and of every user that has a folder for what runs. */
async function findSockets(access: HostAccess, options: { readonly signal?: AbortSignal }): Promise<Socket[]> {
  let uids: string[] = [];
  try {
    uids = (await access.readDir('/run/user', options)).filter((name) => /^[0-9]{1,9}$/.test(name));
  } catch (error) {
    if (!isAbsent(error)) throw error;
  }
  const [passwd] = uids.length === 0 ? [''] : await access.readFiles(['/etc/passwd'], options);
  const names = parsePasswd(passwd instanceof AccessError || passwd === undefined ? '' : passwd);
  return [
    { path: ROOTFUL, user: '' },
    ...uids.map((uid) => ({ path: `/run/user/${uid}/podman/podman.sock`, user: names.get(uid) ?? uid })),
  ];
}

function grantOf(path: string): string {
  return path === ROOTFUL
    ? 'let the agent use it: SocketGroup=hostwire-agent in a drop-in for podman.socket; who may use it may do on this host what root may'
    : 'run the agent as that user, or as root';
}
