import { AccessError } from '@hostwire/host-access';
import Type from 'typebox';
import { type CollectContext, defineCollector } from '../collector.ts';
import { gauge, state } from '../declare.ts';
import { globs } from '../glob.ts';
import { askOrReport, askPvesh, probePvesh, pveshNeed, readNodeName } from '../pvesh.ts';
import {
  addBackups,
  type Newest,
  parseBackupResources,
  parseBackups,
  parseBackupTasks,
  parseReplication,
  STORAGE_NAME,
  toBackupRows,
} from './parse.ts';

const RESOURCES = ['/cluster/resources'];
const TASKS = ['/nodes/localhost/tasks', '--typefilter', 'vzdump', '--limit', '200'];
const REPLICATION = ['/nodes/localhost/replication'];
const ONLY_BACKUPS = ['--content', 'backup'];
/** Of what lies on a storage: not its notes and its file names. */
const KEEP = ['/*/vmid', '/*/ctime', '/*/size', '/*/verification/state'];
const MAX_STORAGES = 8;

export const proxmoxBackup = defineCollector({
  name: 'proxmox_backup',
  tier: 'slow',
  help: 'Backups of the guests of a node of Proxmox VE, how they ended, and replication.',
  needs: {
    commands: [
      ...[['/version'], RESOURCES, TASKS, REPLICATION].map((path) => pveshNeed(...path)),
      pveshNeed({ pattern: `/nodes/localhost/storage/${STORAGE_NAME}/content` }, ...ONLY_BACKUPS),
    ],
    files: ['/etc/pve'],
  },
  measurements: {
    proxmox_backup: {
      help: 'The backups of a guest of this node that lie on storages that can be reached.',
      tags: { vm_id: 'Number of the guest', vm_name: 'Its name', vm_type: 'qemu or lxc' },
      fields: {
        backups: gauge('int', '1', 'How many there are'),
        age: gauge('int', 's', 'How old the newest is'),
        size: gauge('int', 'bytes', 'Size of the newest'),
        storage: state('string', 'Where the newest is'),
        verified: state('string', 'ok or failed, if a backup server has verified it'),
      },
    },
    proxmox_backup_task: {
      help: 'The last run of a backup that has ended, of one guest, or (all) of several at once.',
      tags: { vm_id: 'Number of the guest, or all' },
      fields: {
        result: state('string', 'OK, WARNINGS: N, or what went wrong'),
        result_code: state('int', '0: OK, 1: with warnings, 2: failed'),
        age: gauge('int', 's', 'How long ago it ended'),
        duration: gauge('int', 's', 'How long it took'),
      },
    },
    proxmox_replication: {
      help: 'A job that replicates a guest of this node to another one.',
      tags: { id: 'Its name', vm_id: 'Number of the guest', target: 'Name of the other node' },
      fields: {
        state: state('string', 'ok, failed or disabled'),
        fail_count: gauge('int', '1', 'Times that it failed since it last worked'),
        last_sync_age: gauge('int', 's', 'How old the copy is'),
        last_try_age: gauge('int', 's', 'How long ago it was last tried'),
        duration: gauge('float', 's', 'How long it took'),
        error: state('string', 'What went wrong'),
      },
    },
  },
  options: Type.Object({
    ignore_storages: Type.Array(Type.String(), {
      remote: true,
      default: [],
      description: 'Patterns of names of storages that are not looked into',
    }),
    timeout_seconds: Type.Number({
      remote: true,
      minimum: 0.1,
      maximum: 300,
      default: 240,
      description: 'After this it is given up and reported; each storage is asked for itself',
    }),
  }),
  probe: (access) => probePvesh(access),
  async collect(context) {
    const { access, signal, time } = context;
    const now = Math.floor(time / 1000);
    const node = await readNodeName(access, signal);
    const { guests, storages } = parseBackupResources(await askPvesh(access, RESOURCES, { signal }), node);
    const newest = await readBackups(context, storages);
    return {
      proxmox_backup: toBackupRows(guests, newest, now),
      proxmox_backup_task: await askOrReport(context, TASKS, (text) => parseBackupTasks(text, guests, now)),
      proxmox_replication: await askOrReport(context, REPLICATION, (text) => parseReplication(text, now)),
    };
  },
});

/** One storage after the other: each question takes a core for a second. */
async function readBackups({ access, options, signal, report }: CollectContext, found: readonly string[]): Promise<Map<string, Newest>> {
  const isIgnored = globs((options as { readonly ignore_storages: readonly string[] }).ignore_storages);
  const storages = found.filter((name) => !isIgnored(name));
  const newest = new Map<string, Newest>();
  for (const storage of storages.slice(0, MAX_STORAGES)) {
    try {
      const path = [`/nodes/localhost/storage/${storage}/content`, ...ONLY_BACKUPS];
      addBackups(newest, parseBackups(await askPvesh(access, path, { signal, keep: KEEP })), storage);
    } catch (error) {
      signal.throwIfAborted();
      report(error);
    }
  }
  if (storages.length > MAX_STORAGES) {
    report(
      new AccessError(
        'too-large',
        `pvesh: ${storages.length} storages hold backups, of which ${MAX_STORAGES} are asked; see ignore_storages`,
      ),
    );
  }
  return newest;
}
