import { AccessError, type HostAccess } from '@hostwire/host-access';
import type { Capability, FieldValue, Row } from '@hostwire/model';
import { cut } from './clean-rows.ts';
import type { CollectContext, CommandNeed } from './collector.ts';
import { isAbsent, ParseError, quote } from './proc-text.ts';

/** An object of an answer of the Proxmox VE API. */
export type PveObject = Readonly<Record<string, unknown>>;

/** It forks, loads all of the API's modules, and may wait for a storage that is gone. */
const TIMEOUT_MS = 30_000;
const AS_JSON = ['--output-format', 'json'];
const GRANT =
  'pvesh is run as root: sudo = true in the agent file, the lines of `hostwire-agent doctor --sudoers`, and the drop-in share/hostwire-agent-sudo.conf';

/** Hosts on which pvesh was seen to work. */
const granted = new WeakSet<HostAccess>();

/** `pvesh get PATH OPTION...`, of pvesh(1). `localhost` is a name of the node that it runs on. */
export function pveshNeed(...path: CommandNeed['args']): CommandNeed {
  return { command: 'pvesh', args: ['get', ...path, ...AS_JSON], sudo: true };
}

/** What `pvesh get` prints. Throws AccessError, `exit-N` with what it said if it could not. */
export async function askPvesh(
  access: HostAccess,
  path: readonly string[],
  { signal, keep }: { readonly signal?: AbortSignal; readonly keep?: readonly string[] } = {},
): Promise<string> {
  const { exitCode, stdout, stderr } = await access.exec('pvesh', ['get', ...path, ...AS_JSON], {
    sudo: true,
    timeout: TIMEOUT_MS,
    ...(signal === undefined ? {} : { signal }),
    ...(keep === undefined ? {} : { keep }),
  });
  if (exitCode === 0) return stdout;
  const [why = ''] = stderr.trim().split('\n');
  throw new AccessError(`exit-${exitCode}`, `pvesh get ${path[0]}: ${why === '' ? `exit code ${exitCode}` : cut(why, 200)}`);
}

/** The rows of an answer; what cannot be told is reported, and is no reason to leave out the rest. */
export async function askOrReport(
  { access, signal, report }: CollectContext,
  path: readonly string[],
  parse: (text: string) => Row[],
): Promise<Row[]> {
  try {
    return parse(await askPvesh(access, path, { signal }));
  } catch (error) {
    signal.throwIfAborted();
    report(error);
    return [];
  }
}

/** Whether this host is a node of Proxmox VE and pvesh may be run; asked once, as it takes a second of a core. */
export async function probePvesh(access: HostAccess): Promise<Capability> {
  try {
    await access.readDir('/etc/pve');
    if (!granted.has(access)) await askPvesh(access, ['/version']);
    granted.add(access);
    return { available: true };
  } catch (error) {
    if (!(error instanceof AccessError)) throw error;
    if (error.code === 'ENOENT') return { available: false, reason: 'no node of Proxmox VE' };
    return { available: false, reason: error.message, ...(isAbsent(error) ? { hint: GRANT } : {}) };
  }
}

/** The name of the node: that of the host, without the domain. */
export async function readNodeName(access: HostAccess, signal: AbortSignal): Promise<string> {
  return (await access.readFile('/proc/sys/kernel/hostname', { signal })).trim().replace(/\..*$/s, '');
}

/** The objects of a list; what is none is left out. Throws ParseError. */
export function parsePveList(text: string, path: string): PveObject[] {
  const list = parseJson(text, path);
  if (!Array.isArray(list)) throw new ParseError(`pvesh get ${path}: ${quote(text)} is not a list`);
  return list.filter(isPveObject);
}

/** Throws ParseError. */
export function parsePveObject(text: string, path: string): PveObject {
  const value = parseJson(text, path);
  if (!isPveObject(value)) throw new ParseError(`pvesh get ${path}: ${quote(text)} is not an object`);
  return value;
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new ParseError(`pvesh get ${path}: ${quote(text)} is not JSON`);
  }
}

export function isPveObject(value: unknown): value is PveObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Empty for what is no text; a number as text. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : '';
}

/** A number, also one that stands as text, which the API's language does not tell apart. Undefined for all else. */
export function numberOf(value: unknown): number | undefined {
  const number = typeof value === 'string' && /^-?[0-9]{1,20}(\.[0-9]{1,20})?$/.test(value) ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined;
}

/** The same without what stands behind the point; undefined below 0. */
export function countOf(value: unknown): number | undefined {
  const number = numberOf(value);
  return number === undefined || number < 0 ? undefined : Math.trunc(number);
}

export function isSet(value: unknown): boolean {
  return value === true || value === 1 || value === '1';
}

/** Puts what is known. */
export function putKnown(fields: Record<string, FieldValue>, values: Readonly<Record<string, FieldValue | undefined>>): void {
  for (const [name, value] of Object.entries(values)) if (value !== undefined && value !== '') fields[name] = value;
}
