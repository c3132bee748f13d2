import { AccessError, type HostAccess } from '@hostwire/host-access';
import type { Capability } from '@hostwire/model';
import Type from 'typebox';
import { cut } from '../clean-rows.ts';
import { defineCollector } from '../collector.ts';
import { MEASUREMENTS } from './declaration.ts';
import { parseDomstats } from './parse.ts';

const MAX_DOMAINS = 250;
const TIMEOUT_MS = 9000;

/** Over a connection that can only read; a guest that is busy with something else is not waited for. */
const domstats = (uri: string) => ['-r', '-c', uri, 'domstats', '--raw', '--nowait'];

export const libvirt = defineCollector({
  name: 'libvirt',
  tier: 'medium',
  help: 'Guests of libvirt (QEMU/KVM, Xen, LXC): state, processors, memory, disks, network.',
  configuredNeeds: ({ uri }) => ({ commands: [{ command: 'virsh', args: domstats(uri) }] }),
  measurements: MEASUREMENTS,
  options: Type.Object({
    uri: Type.String({
      remote: false,
      default: 'qemu:///system',
      pattern: '^[a-z]+(?:\\+unix)?:///[A-Za-z0-9/_.?=-]*$',
      allowed: 'a local connection such as qemu:///system',
      description: 'Which hypervisor of this host is asked',
    }),
  }),
  async probe(access, { uri }): Promise<Capability> {
    try {
      await ask(access, uri);
      return { available: true };
    } catch (error) {
      if (!(error instanceof AccessError)) throw error;
      if (error.code === 'ENOENT') return { available: false, reason: 'virsh is not installed' };
      return { available: false, reason: error.message, ...(error.code.startsWith('exit-') ? { hint: HINT } : {}) };
    }
  },
  async collect({ access, options, report, signal }) {
    const { rows, domains } = parseDomstats(await ask(access, options.uri, signal), MAX_DOMAINS);
    if (domains > MAX_DOMAINS) report(new AccessError('too-large', `virsh: ${domains} guests, of which ${MAX_DOMAINS} are reported`));
    return rows;
  },
});

const HINT = 'libvirtd (or virtqemud) must run, and the agent be allowed to read of it: its socket libvirt-sock-ro, or group libvirt';

async function ask(access: HostAccess, uri: string, signal?: AbortSignal): Promise<string> {
  const how = { timeout: TIMEOUT_MS, ...(signal === undefined ? {} : { signal }) };
  const { exitCode, stdout, stderr } = await access.exec('virsh', domstats(uri), how);
  if (exitCode === 0) return stdout;
  // The first line says that it went wrong, the next one why.
  const why = stderr.split('\n').map((line) => line.replace(/^error: */, '').trim());
  throw new AccessError(
    `exit-${exitCode}`,
    `virsh domstats: ${cut(why.filter((line) => line !== '').join('; '), 200) || `exit code ${exitCode}`}`,
  );
}
