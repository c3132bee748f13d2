import type { FieldValue, Row } from '@hostwire/model';
import { countOf, isPveObject, isSet, numberOf, parsePveList, putKnown, textOf } from '../pvesh.ts';

/** A guest of this node. */
export interface Guest {
  readonly id: string;
  readonly name: string;
  readonly type: string;
}

/** A backup that lies on a storage. */
export interface Backup {
  readonly guest: string;
  /** Seconds since 1970. */
  readonly made: number;
  readonly bytes: number | undefined;
  /** ok or failed, of a backup server that has verified it; else empty. */
  readonly verified: string;
}

/** The newest backup of a guest, and how many there are. */
export interface Newest {
  readonly backup: Backup;
  readonly storage: string;
  readonly count: number;
}

/** Source of a regular expression: names of storages, as Proxmox VE has them. */
export const STORAGE_NAME = '[A-Za-z][A-Za-z0-9_.-]{0,62}[A-Za-z0-9]';

/** Guests of a node that are no templates, and its storages that hold backups and can be reached, of `GET /cluster/resources`. Throws ParseError. */
export function parseBackupResources(text: string, node: string): { readonly guests: Guest[]; readonly storages: string[] } {
  const own = parsePveList(text, '/cluster/resources').filter((entry) => entry['node'] === node);
  const guests = own
    .filter(({ type, template }) => (type === 'qemu' || type === 'lxc') && !isSet(template))
    .map((guest) => ({ id: textOf(guest['vmid']), name: textOf(guest['name']) || textOf(guest['vmid']), type: textOf(guest['type']) }))
    .filter(({ id }) => /^[0-9]{1,12}$/.test(id));
  const storages = own
    .filter(({ type, status, content }) => type === 'storage' && status === 'available' && textOf(content).split(',').includes('backup'))
    .map(({ storage }) => textOf(storage))
    .filter((name) => new RegExp(`^(?:${STORAGE_NAME})$`).test(name));
  return { guests, storages: [...new Set(storages)].sort() };
}

/** `GET /nodes/{node}/storage/{storage}/content` with `content=backup`. Throws ParseError. */
export function parseBackups(text: string): Backup[] {
  return parsePveList(text, '/nodes/localhost/storage/{storage}/content').flatMap((entry) => {
    const made = countOf(entry['ctime']);
    const guest = textOf(entry['vmid']);
    if (made === undefined || guest === '') return [];
    const verification = isPveObject(entry['verification']) ? entry['verification'] : {};
    return [{ guest, made, bytes: countOf(entry['size']), verified: textOf(verification['state']) }];
  });
}

/** Adds the backups of one storage to the newest ones of all. */
export function addBackups(newest: Map<string, Newest>, backups: readonly Backup[], storage: string): void {
  for (const backup of backups) {
    const known = newest.get(backup.guest);
    const count = (known?.count ?? 0) + 1;
    newest.set(backup.guest, known === undefined || backup.made > known.backup.made ? { backup, storage, count } : { ...known, count });
  }
}

/** A row of each guest, with what is known of its backups. `now` in seconds since 1970. */
export function toBackupRows(guests: readonly Guest[], newest: ReadonlyMap<string, Newest>, now: number): Row[] {
  return guests.map(({ id, name, type }) => {
    const own = newest.get(id);
    const fields: Record<string, FieldValue> = { backups: own?.count ?? 0 };
    if (own !== undefined) {
      const { backup, storage } = own;
      putKnown(fields, { age: Math.max(0, now - backup.made), size: backup.bytes, storage, verified: backup.verified });
    }
    return { tags: { vm_id: id, vm_name: name, vm_type: type }, fields };
  });
}

/** As a number, by what a task's end is called: 0 OK, 1 with warnings, 2 failed. */
function resultCode(status: string): number {
  return status === 'OK' ? 0 : status.startsWith('WARNINGS') ? 1 : 2;
}

/**
 * `GET /nodes/{node}/tasks` with `typefilter=vzdump`: of each guest the last run that was of it alone, and the last one that
 * was of several, which has no guest (`all`). One that still runs is none yet. `now` in seconds since 1970. Throws ParseError.
 */
export function parseBackupTasks(text: string, guests: readonly Guest[], now: number): Row[] {
  const last = new Map<string, { readonly end: number; readonly start: number; readonly status: string }>();
  for (const task of parsePveList(text, '/nodes/localhost/tasks')) {
    const end = countOf(task['endtime']);
    const start = countOf(task['starttime']);
    const status = textOf(task['status']);
    const id = textOf(task['id']);
    if (task['type'] !== 'vzdump' || end === undefined || start === undefined || status === '') continue;
    if (id !== '' && !guests.some((guest) => guest.id === id)) continue;
    if (end > (last.get(id)?.end ?? -1)) last.set(id, { end, start, status });
  }
  return [...last].map(([id, { end, start, status }]) => ({
    tags: { vm_id: id === '' ? 'all' : id },
    fields: { result: status, result_code: resultCode(status), age: Math.max(0, now - end), duration: Math.max(0, end - start) },
  }));
}

/** `GET /nodes/{node}/replication`: the jobs of the guests of this node. `now` in seconds since 1970. Throws ParseError. */
export function parseReplication(text: string, now: number): Row[] {
  return parsePveList(text, '/nodes/localhost/replication').map((job) => {
    // 0 until the first time.
    const since = (time: unknown) => {
      const at = countOf(time) ?? 0;
      return at === 0 ? undefined : Math.max(0, now - at);
    };
    const failed = countOf(job['fail_count']) ?? 0;
    const fields: Record<string, FieldValue> = {
      state: isSet(job['disable']) ? 'disabled' : failed > 0 ? 'failed' : 'ok',
      fail_count: failed,
    };
    putKnown(fields, {
      last_sync_age: since(job['last_sync']),
      last_try_age: since(job['last_try']),
      duration: numberOf(job['duration']),
      error: textOf(job['error']),
    });
    return { tags: { id: textOf(job['id']), vm_id: textOf(job['guest']), target: textOf(job['target']) }, fields };
  });
}
