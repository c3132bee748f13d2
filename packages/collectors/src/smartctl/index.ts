import { AccessError, type HostAccess } from '@hostwire/host-access';
import type { Capability, Row, Tags } from '@hostwire/model';
import Type from 'typebox';
import { type CollectContext, defineCollector } from '../collector.ts';
import { globs } from '../glob.ts';
import { MEASUREMENTS } from './declaration.ts';
import { type Device, parseReport, parseScan, type Report } from './parse.ts';

const SCAN = ['--scan', '--json'] as const;
const SCAN_AGAIN_MS = 6 * 3_600_000;
/** All disks are asked at once, and this is what one of them may take of the time of the collector. */
const TIMEOUT_MS = 9000;

/** Of one disk. The type is always said: finding it out would wake the disk. */
function reportArgs({ name, type }: Device): string[] {
  return ['--json', '-a', '-n', 'standby', '-d', type, name];
}

const SD = '/dev/sd[a-z]{1,4}';
const NVME = '/dev/nvme[0-9]{1,4}';
/** What is behind a RAID controller: megaraid,8, sat+megaraid,8, cciss,0, areca,1/2, 3ware,0, aacraid,0,0,1 ... */
const BEHIND = '[a-z0-9]{1,20}(?:[+,/][a-z0-9]{1,20}){0,6}';
const OTHERS = `${SD}|${NVME}(?:n[0-9]{1,4})?|/dev/(?:hd[a-z]|sg[0-9]{1,4}|bus/[0-9]{1,4}|cciss/c[0-9]{1,3}d[0-9]{1,3}|tw[ael][0-9]{1,3})`;

const need = (type: string | { readonly pattern: string }, pattern: string) => ({
  command: 'smartctl',
  args: ['--json', '-a', '-n', 'standby', '-d', type, { pattern }],
  sudo: true,
});

export const smartctl = defineCollector({
  name: 'smartctl',
  tier: 'slow',
  help: 'Health of disks by SMART: SATA, SAS, NVMe, also behind RAID controllers. A disk that sleeps is not woken.',
  needs: {
    commands: [
      { command: 'smartctl', args: [...SCAN], sudo: true },
      need('sat', SD),
      need('scsi', SD),
      need('nvme', NVME),
      need({ pattern: BEHIND }, OTHERS),
    ],
  },
  configuredNeeds: ({ devices }) => ({
    commands: devices.flatMap(toDevice).map((device) => ({ command: 'smartctl', args: reportArgs(device), sudo: true })),
  }),
  measurements: MEASUREMENTS,
  options: Type.Object({
    devices: Type.Array(Type.String({ pattern: '^/dev/[A-Za-z0-9_./:-]+ [a-z0-9][a-z0-9+,/]*$' }), {
      remote: false,
      default: [],
      description: 'Disks that a scan does not find, each with its type: "/dev/sg2 areca,1/2"',
    }),
    ignore: Type.Array(Type.String(), {
      remote: true,
      default: [],
      description: 'Patterns of device names to leave out, such as /dev/sdb',
    }),
    attributes: Type.Boolean({ remote: true, default: true, description: 'Report each attribute of ATA disks' }),
  }),
  async probe(access, { devices }): Promise<Capability> {
    try {
      const found = await scan(access);
      if (found.length + devices.length > 0) return { available: true };
      return { available: false, reason: 'smartctl finds no disk' };
    } catch (error) {
      if (!(error instanceof AccessError)) throw error;
      if (error.code === 'ENOENT') return { available: false, reason: 'smartctl is not installed', hint: 'apt install smartmontools' };
      return { available: false, reason: error.message, ...(error.code === 'EACCES' ? { hint: GRANT } : {}) };
    }
  },
  async collect(context) {
    const { access, options, signal, report } = context;
    const isIgnored = globs(options.ignore);
    const devices = [...(await knownDevices(context)), ...options.devices.flatMap(toDevice)].filter(({ name }) => !isIgnored(name));
    const reports = await Promise.all(
      devices.map(async (device) => {
        try {
          return remember(context, device, parseReport(await ask(access, device, signal)));
        } catch (error) {
          signal.throwIfAborted();
          report(error);
          return null;
        }
      }),
    );
    const read = reports.filter((answer) => answer !== null);
    return {
      smartctl: read.map(({ tags, fields }): Row => ({ tags, fields })),
      smartctl_attributes: options.attributes ? read.flatMap(({ attributes }) => attributes) : [],
      smartctl_scsi_error_counter_log: read.flatMap(({ pages }) => pages),
    };
  },
});

const GRANT =
  'disks are read as root: sudo = true in the agent file, the lines of `hostwire-agent doctor --sudoers`, and NoNewPrivileges=no in a drop-in (systemctl edit hostwire-agent)';

function toDevice(entry: string): Device[] {
  const [name, type] = entry.split(' ');
  return name === undefined || type === undefined ? [] : [{ name, type }];
}

async function scan(access: HostAccess, signal?: AbortSignal): Promise<Device[]> {
  const { stdout } = await access.exec('smartctl', SCAN, { sudo: true, timeout: TIMEOUT_MS, ...(signal === undefined ? {} : { signal }) });
  const seen = new Set<string>();
  return parseScan(stdout).filter((device) => seen.size < seen.add(reportArgs(device).join(' ')).size);
}

/** Those of the last scan, unless disks came or went since. */
async function knownDevices({ access, memory, monotonic, signal }: CollectContext): Promise<readonly Device[]> {
  const disks = await access.readDir('/sys/block', { signal }).then(
    (names) => names.filter((name) => !/^(loop|ram|zram|dm-|md)/.test(name)).join(' '),
    () => '',
  );
  const known = memory.get('scan') as { readonly disks: string; readonly at: number; readonly devices: readonly Device[] } | undefined;
  if (known !== undefined && known.disks === disks && monotonic - known.at < SCAN_AGAIN_MS) return known.devices;
  const devices = await scan(access, signal);
  memory.set('scan', { disks, at: monotonic, devices });
  return devices;
}

async function ask(access: HostAccess, device: Device, signal: AbortSignal): Promise<string> {
  return (await access.exec('smartctl', reportArgs(device), { sudo: true, timeout: TIMEOUT_MS, signal })).stdout;
}

/** Null if there is nothing to say; of a disk that sleeps, which does not say who it is, with the tags that it had awake. */
function remember({ memory, report }: CollectContext, device: Device, answer: Report): Report | null {
  const key = `tags of ${device.name} ${device.type}`;
  if (answer.asleep) return { ...answer, tags: (memory.get(key) as Tags | undefined) ?? answer.tags };
  if (answer.failure === undefined) {
    memory.set(key, answer.tags);
    return answer;
  }
  // The volume of a RAID controller, whose disks the scan names beside it.
  if (!/please try adding '-d /.test(answer.failure)) {
    report(new AccessError('smartctl', `${device.name} (${device.type}): ${answer.failure}`));
  }
  return null;
}
