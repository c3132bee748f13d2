import { AccessError, type ExecResult, type HostAccess } from '@hostwire/host-access';
import type { Capability, FieldValue, Row } from '@hostwire/model';
import Type from 'typebox';
import { type CollectContext, defineCollector } from '../collector.ts';
import { gauge, state } from '../declare.ts';
import { PROPERTIES, parseList, parseZone } from './parse.ts';
import type { PoolStatus, Scan } from './pool-status.ts';
import { parseStatusJson } from './status-json.ts';
import { parseStatusText } from './status-text.ts';

const OLD_PROPERTIES = PROPERTIES.filter((name) => name !== 'fragmentation');
/** From the newest form to that which every version knows. */
const LISTS = [
  ['list', '-Hp', '-o', PROPERTIES.join(',')],
  ['list', '-H', '-o', OLD_PROPERTIES.join(',')],
] as const;
const JSON_STATUS = ['status', '-j', '--json-int', '-p'] as const;
const STATUSES = [JSON_STATUS, ['status', '-p'], ['status']] as const;
const ZONE = ['+%z'] as const;

/** Two of them fit into the time of one collector: a pool that is suspended may hold either for ever. */
const TIMEOUT_MS = 4500;

const SCAN_STATES = 'running, paused, finished or canceled; absent if it was not the last scan of the pool';

export const zpool = defineCollector({
  name: 'zpool',
  tier: 'medium',
  help: 'Health of ZFS pools and of their devices.',
  needs: {
    commands: [...[...LISTS, ...STATUSES].map((args) => ({ command: 'zpool', args: [...args] })), { command: 'date', args: [...ZONE] }],
  },
  measurements: {
    zpool: {
      help: 'A pool.',
      tags: { pool: 'Its name' },
      fields: {
        health: state('string', 'ONLINE, DEGRADED, FAULTED, OFFLINE, UNAVAIL, REMOVED or SUSPENDED'),
        healthy: state('bool', 'health is ONLINE'),
        size: gauge('int', 'bytes', 'All devices together, with what redundancy takes'),
        allocated: gauge('int', 'bytes', 'Of these in use'),
        free: gauge('int', 'bytes', 'Of these free'),
        capacity_percent: gauge('float', 'percent', 'In use'),
        fragmentation_percent: gauge('float', 'percent', 'How much the free space is in pieces'),
        dedupratio: { type: 'float', unit: '1', kind: 'gauge', help: 'Factor that deduplication saves', decimals: 2 },
        errors: gauge('int', '1', 'Pieces of data that are damaged beyond repair'),
        read_errors: gauge('int', '1', 'Reads that failed, since the last zpool clear'),
        write_errors: gauge('int', '1', 'Writes that failed, since the last zpool clear'),
        checksum_errors: gauge('int', '1', 'Blocks that were not what was written, since the last zpool clear'),
        scrub_state: state('string', `The last scrub: ${SCAN_STATES}`),
        scrub_age: gauge('int', 's', 'Since the end of the last scrub, if that finished'),
        scrub_percent: gauge('float', 'percent', 'Done of the scrub that runs'),
        scrub_errors: gauge('int', '1', 'Errors that the last scrub could not repair'),
        resilver_state: state('string', `The last resilver: ${SCAN_STATES}`),
        resilver_percent: gauge('float', 'percent', 'Done of the resilver that runs'),
      },
    },
    zpool_vdev: {
      help: 'A device of a pool, or a group of devices.',
      tags: { pool: 'Name of the pool', vdev: 'Names from the top: mirror-0, mirror-0/sda, logs/nvme0n1, spares/sdc' },
      fields: {
        state: state('string', 'ONLINE, DEGRADED, FAULTED, OFFLINE, UNAVAIL, REMOVED; of spares AVAIL or INUSE'),
        read_errors: gauge('int', '1', 'Reads that failed, since the last zpool clear'),
        write_errors: gauge('int', '1', 'Writes that failed, since the last zpool clear'),
        checksum_errors: gauge('int', '1', 'Blocks that were not what was written, since the last zpool clear'),
      },
    },
  },
  options: Type.Object({}),
  async probe(access): Promise<Capability> {
    try {
      const { exitCode, stdout, stderr } = (await askFirst(access, LISTS)).result;
      if (exitCode !== 0) return { available: false, reason: `zpool list: ${firstLine(stderr)}`, hint: 'load the module (modprobe zfs)' };
      return stdout === '' ? { available: false, reason: 'no pool is imported' } : { available: true };
    } catch (error) {
      if (!(error instanceof AccessError)) throw error;
      if (error.code === 'ENOENT') return { available: false, reason: 'zpool is not installed' };
      return { available: false, reason: error.message };
    }
  },
  async collect(context) {
    const { report, signal } = context;
    const { result } = await askKnown(context, 'list', LISTS);
    const pools = parseList(success(result, 'zpool list').stdout);
    let statuses: readonly PoolStatus[] = [];
    if (pools.length > 0) {
      try {
        statuses = await readStatus(context);
      } catch (error) {
        signal.throwIfAborted();
        report(error);
      }
    }
    const byPool = new Map(statuses.map((status) => [status.pool, status]));
    return {
      zpool: pools.map(({ pool, fields }) => ({ tags: { pool }, fields: { ...fields, ...statusFields(byPool.get(pool), context.time) } })),
      zpool_vdev: statuses.flatMap(({ pool, vdevs }) =>
        vdevs
          .filter(({ path }) => path !== '')
          .map((vdev): Row => {
            const counts = { read_errors: vdev.readErrors, write_errors: vdev.writeErrors, checksum_errors: vdev.checksumErrors };
            return { tags: { pool, vdev: vdev.path }, fields: defined({ state: vdev.state, ...counts }) };
          }),
      ),
    };
  },
});

async function readStatus(context: CollectContext): Promise<PoolStatus[]> {
  const { form, result } = await askKnown(context, 'status', STATUSES);
  const { stdout } = success(result, 'zpool status');
  if (form === JSON_STATUS) return parseStatusJson(stdout);
  const statuses = parseStatusText(stdout);
  if (!statuses.some(({ scans }) => scans.some(({ endedAt }) => endedAt !== undefined))) return statuses;
  // The text has times of the host's own zone.
  const { access, signal } = context;
  const zone = parseZone(success(await access.exec('date', ZONE, { signal, timeout: TIMEOUT_MS }), 'date').stdout);
  const shift = (scan: Scan): Scan => (scan.endedAt === undefined ? scan : { ...scan, endedAt: scan.endedAt - zone });
  return statuses.map((status) => ({ ...status, scans: status.scans.map(shift) }));
}

function statusFields(status: PoolStatus | undefined, time: number): Record<string, FieldValue> {
  if (status === undefined) return {};
  const root = status.vdevs.find(({ path }) => path === '');
  const scrub = status.scans.find(({ kind }) => kind === 'scrub');
  const resilver = status.scans.find(({ kind }) => kind === 'resilver');
  const age =
    scrub?.state === 'finished' && scrub.endedAt !== undefined ? Math.max(0, Math.round((time - scrub.endedAt) / 1000)) : undefined;
  return defined({
    errors: status.errors,
    read_errors: root?.readErrors,
    write_errors: root?.writeErrors,
    checksum_errors: root?.checksumErrors,
    scrub_state: scrub?.state,
    scrub_age: age,
    scrub_percent: scrub?.percent,
    scrub_errors: scrub?.errors,
    resilver_state: resilver?.state,
    resilver_percent: resilver?.percent,
  });
}

type Form = readonly string[];

/** The first of these forms that this version of zpool knows, and what it says. */
async function askFirst(access: HostAccess, forms: readonly Form[], signal?: AbortSignal): Promise<{ form: Form; result: ExecResult }> {
  for (const [index, form] of forms.entries()) {
    const result = await access.exec('zpool', form, { timeout: TIMEOUT_MS, ...(signal === undefined ? {} : { signal }) });
    const isUnknown = result.exitCode !== 0 && /invalid option|invalid property|unrecognized|bad property list/i.test(result.stderr);
    if (!isUnknown || index === forms.length - 1) return { form, result };
  }
  throw new AccessError('EINVAL', 'zpool: no form to ask in');
}

/** The same, beginning with the form that was known at the last reading. */
async function askKnown(
  { access, memory, signal }: CollectContext,
  name: string,
  forms: readonly Form[],
): Promise<{ form: Form; result: ExecResult }> {
  const known = forms.indexOf(memory.get(name) as Form);
  const answer = await askFirst(access, forms.slice(Math.max(0, known)), signal);
  if (answer.result.exitCode === 0) memory.set(name, answer.form);
  return answer;
}

function success(result: ExecResult, what: string): ExecResult {
  if (result.exitCode === 0) return result;
  throw new AccessError(`exit-${result.exitCode}`, `${what}: ${firstLine(result.stderr) || `exit code ${result.exitCode}`}`);
}

function firstLine(text: string): string {
  return text.split('\n').find((line) => line.trim() !== '') ?? '';
}

function defined(fields: Readonly<Record<string, FieldValue | undefined>>): Record<string, FieldValue> {
  return Object.fromEntries(Object.entries(fields).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
}
