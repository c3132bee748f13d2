import type { AccessOptions, HostAccess } from '@hostwire/host-access';
import type { Row } from '@hostwire/model';
import Type from 'typebox';
import { defineCollector } from '../collector.ts';
import { counter, gauge } from '../declare.ts';
import { globs } from '../glob.ts';
import { probeFile, readFirst } from '../proc-text.ts';
import { parseFlags, parseNetDev, parseSpeed } from './parse.ts';

/** /proc/net is the reader's own network namespace, in a container the container's; that of process 1 is the host's. */
const NET_DEV = ['/proc/1/net/dev', '/proc/net/dev'] as const;

/** Docker and Podman name one end of each container's cable at random: a new series with every start of a container. */
const RANDOM_VETH = `veth${'[0-9a-f]'.repeat(7)}`;

export const net = defineCollector({
  name: 'net',
  tier: 'fast',
  help: 'What network interfaces send and receive.',
  measurements: {
    net: {
      help: 'Counters of a network interface.',
      tags: { interface: 'Name of the interface' },
      fields: {
        bytes_sent: counter('bytes', 'Sent'),
        bytes_recv: counter('bytes', 'Received'),
        packets_sent: counter('packets', 'Sent'),
        packets_recv: counter('packets', 'Received'),
        err_in: counter('packets', 'Received with an error'),
        err_out: counter('packets', 'Could not be sent'),
        drop_in: counter('packets', 'Received and thrown away'),
        drop_out: counter('packets', 'Thrown away instead of sent'),
        speed: gauge('int', 'Mbit/s', 'Speed of the link; -1 if not known'),
      },
    },
  },
  options: Type.Object({
    interfaces: Type.Array(Type.String(), {
      remote: true,
      default: [],
      description: 'Patterns of the names to report, also if down or loopback; empty: all that are up and not loopback',
    }),
    ignore_interfaces: Type.Array(Type.String(), {
      default: [RANDOM_VETH],
      remote: true,
      description: 'Patterns of the names to leave out of these',
    }),
  }),
  probe: (access) => probeFile(access, NET_DEV),
  async collect({ access, options, signal }) {
    const counters = parseNetDev(await readFirst(access, NET_DEV, { signal }));
    const named = options.interfaces.length > 0 ? globs(options.interfaces) : null;
    const ignored = globs(options.ignore_interfaces);
    const names = [...counters.keys()].filter((name) => !ignored(name) && (named?.(name) ?? true));
    const links = await readLinks(access, names, { signal });
    const rows: Row[] = [];
    for (const [index, name] of names.entries()) {
      const { flags, speed } = links[index] ?? { flags: null, speed: -1 };
      if (named === null && (flags === null ? name === 'lo' : !flags.up || flags.loopback)) continue;
      rows.push({ tags: { interface: name }, fields: { ...counters.get(name), speed } });
    }
    return { net: rows };
  },
});

/** Flags and speed of each interface, in the order of `names`. */
async function readLinks(access: HostAccess, names: readonly string[], options: AccessOptions) {
  const texts = await access.readFiles(names.flatMap(linkFiles), options);
  return names.map((_, index) => {
    const [flags, speed] = texts.slice(2 * index, 2 * index + 2);
    return {
      flags: typeof flags === 'string' ? parseFlags(flags) : null,
      speed: typeof speed === 'string' ? parseSpeed(speed) : -1,
    };
  });
}

function linkFiles(name: string): [flags: string, speed: string] {
  return [`/sys/class/net/${name}/flags`, `/sys/class/net/${name}/speed`];
}
