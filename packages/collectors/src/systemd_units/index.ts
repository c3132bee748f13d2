import { AccessError, type ExecResult, type HostAccess } from '@hostwire/host-access';
import type { FieldValue, Row } from '@hostwire/model';
import Type from 'typebox';
import { cut } from '../clean-rows.ts';
import { type CollectContext, defineCollector } from '../collector.ts';
import { counter, gauge, state } from '../declare.ts';
import { globs } from '../glob.ts';
import { parseSetNumber, parseTimestamp, parseUnits, parseVersion, type UnitProperties } from './parse.ts';
import { ACTIVE_CODES, LOAD_CODES, SUB_CODES } from './states.ts';

/** What is asked of each unit; a version that does not know one leaves it out. */
const PROPERTIES = `--property=${[
  ...['Id', 'Description', 'LoadState', 'ActiveState', 'SubState', 'UnitFileState', 'UnitFilePreset', 'StatusErrno', 'NRestarts'],
  ...['MainPID', 'MemoryCurrent', 'MemoryPeak', 'MemoryAvailable', 'MemorySwapCurrent', 'MemorySwapPeak', 'ActiveEnterTimestamp'],
].join(',')}`;
const VERSION = ['show', '--property=Version'];
const SHOW = ['show', '--no-pager', PROPERTIES];
/** Since systemd 247. */
const UTC = '--timestamp=us+utc';
const FAILED = ['--state=failed', '--', '*'];

/** Source of a regular expression: names of units and patterns of them, as glob(7). */
const UNIT_GLOB = '[A-Za-z0-9_*?\\[][A-Za-z0-9:_.\\\\@*?\\[\\]-]{0,254}';
const MAX_GLOBS = 32;
const MAX_UNITS = 300;

/** Field -> property, for what is a number. */
const NUMBERS: Readonly<Record<string, string>> = {
  status_errno: 'StatusErrno',
  restarts: 'NRestarts',
  pid: 'MainPID',
  mem_current: 'MemoryCurrent',
  mem_peak: 'MemoryPeak',
  mem_avail: 'MemoryAvailable',
  swap_current: 'MemorySwapCurrent',
  swap_peak: 'MemorySwapPeak',
};

export const systemdUnits = defineCollector({
  name: 'systemd_units',
  tier: 'medium',
  help: 'Units of systemd: those that failed, and services with their restarts and memory.',
  needs: {
    commands: [
      { command: 'systemctl', args: VERSION },
      ...[SHOW, [...SHOW, UTC]].flatMap((show) => [
        { command: 'systemctl', args: [...show, ...FAILED] },
        { command: 'systemctl', args: [...show, '--', { pattern: UNIT_GLOB }] },
      ]),
    ],
  },
  measurements: {
    systemd: {
      help: 'All units that are reported, in one row.',
      tags: {},
      fields: {
        units: gauge('int', '1', 'Units'),
        failed: gauge('int', '1', 'Of these, those that failed'),
        failed_units: state('string', 'Their names'),
      },
    },
    systemd_units: {
      help: 'One unit.',
      tags: { name: 'Its name, as systemd escapes it' },
      fields: {
        description: state('string', 'What it is, in words'),
        load: state('string', 'What became of its file: loaded, not-found, bad-setting, error, masked'),
        active: state('string', 'active, reloading, inactive, failed, activating or deactivating'),
        sub: state('string', 'Its state in detail, such as running, exited, auto-restart'),
        load_code: state('int', 'The same as a number, 0: loaded'),
        active_code: state('int', 'The same as a number, 0: active, 3: failed'),
        sub_code: state('int', 'The same as a number, 0: running'),
        state: state('string', 'Of its file: enabled, disabled, static'),
        preset: state('string', 'What the distribution would have it be: enabled, disabled'),
        status_errno: state('int', 'What the service itself told as its error (errno)'),
        restarts: counter('1', 'Times that it was started anew because it ended'),
        pid: state('int', 'Its main process'),
        mem_current: gauge('int', 'bytes', 'Memory of all its processes, with the page cache'),
        mem_peak: gauge('int', 'bytes', 'Most of this since it was started'),
        mem_avail: gauge('int', 'bytes', 'How much more it may use'),
        swap_current: gauge('int', 'bytes', 'Swap of all its processes'),
        swap_peak: gauge('int', 'bytes', 'Most of this since it was started'),
        active_enter_timestamp_us: gauge('int', 'us', 'When it last became active, since 1970'),
      },
    },
  },
  options: Type.Object({
    units: Type.Array(Type.String({ pattern: `^(?:${UNIT_GLOB})$` }), {
      remote: true,
      default: ['*.service'],
      maxItems: MAX_GLOBS,
      description: 'Units beside those that failed: a name is reported in any state, of a pattern with * what is not inactive',
    }),
    ignore: Type.Array(Type.String(), {
      remote: true,
      default: ['*@[0-9]*-*-*.service', 'systemd-coredump@*', 'user-runtime-dir@*'],
      description: 'Units that are left out, as patterns; by default those that are made anew for each connection or crash',
    }),
  }),
  async probe(access) {
    try {
      await readVersion(access);
      return { available: true };
    } catch (error) {
      if (!(error instanceof AccessError)) throw error;
      return { available: false, reason: error.message };
    }
  },
  async collect(context) {
    const { options, report } = context;
    const isIgnored = globs(options.ignore);
    const units = new Map<string, UnitProperties>();
    const take = (found: ReadonlyMap<string, UnitProperties>, named: string) => {
      for (const [name, unit] of found) {
        const isTransient = unit.get('UnitFileState') === 'transient';
        if (name === named || !(isTransient || isIgnored(name))) units.set(name, unit);
      }
    };
    take(await show(context, FAILED), '');
    for (const glob of options.units) take(await show(context, ['--', glob]), glob);
    const rows = [...units]
      .sort(([a, one], [b, other]) => Number(hasFailed(other)) - Number(hasFailed(one)) || (a < b ? -1 : 1))
      .map(toRow);
    if (rows.length > MAX_UNITS) {
      report(new AccessError('too-large', `systemctl: ${rows.length} units, of which ${MAX_UNITS} are reported; narrow units or ignore`));
    }
    return { systemd: [summary(units)], systemd_units: rows.slice(0, MAX_UNITS) };
  },
});

/** Throws AccessError where systemd is not what runs this host, or may not be asked. */
async function readVersion(access: HostAccess, signal?: AbortSignal): Promise<number> {
  const result = await access.exec('systemctl', VERSION, signal === undefined ? {} : { signal });
  if (result.exitCode !== 0) throw refusal(result);
  return parseVersion(result.stdout);
}

async function show({ access, memory, signal }: CollectContext, args: readonly string[]): Promise<Map<string, UnitProperties>> {
  const version = (memory.get('version') as number | undefined) ?? (await readVersion(access, signal));
  memory.set('version', version);
  const result = await access.exec('systemctl', [...SHOW, ...(version < 247 ? [] : [UTC]), ...args], { signal });
  // A unit that went away in between is a failure of systemctl; the others stand in its output all the same.
  if (result.exitCode !== 0 && result.stdout === '') throw refusal(result);
  return parseUnits(result.stdout);
}

function refusal({ exitCode, stderr }: ExecResult): AccessError {
  const [why = ''] = stderr.trim().split('\n');
  return new AccessError(`exit-${exitCode}`, `systemctl show: ${why === '' ? `exit code ${exitCode}` : cut(why, 200)}`);
}

function hasFailed(unit: UnitProperties): boolean {
  return unit.get('ActiveState') === 'failed';
}

/** There is one in any case: what alerts go by must tell also that nothing failed. */
function summary(units: ReadonlyMap<string, UnitProperties>): Row {
  const failed = [...units].filter(([, unit]) => hasFailed(unit)).map(([name]) => name);
  return { fields: { units: units.size, failed: failed.length, failed_units: cut(failed.sort().join(' '), 1000) } };
}

function toRow([name, unit]: [string, UnitProperties]): Row {
  const fields: Record<string, FieldValue> = {};
  const words = { description: 'Description', load: 'LoadState', active: 'ActiveState', sub: 'SubState' };
  for (const [field, property] of Object.entries({ ...words, state: 'UnitFileState', preset: 'UnitFilePreset' })) {
    const word = unit.get(property) ?? '';
    if (word !== '') fields[field] = word;
  }
  for (const [field, codes] of Object.entries({ load: LOAD_CODES, active: ACTIVE_CODES, sub: SUB_CODES })) {
    const code = codes.get(String(fields[field]));
    if (code !== undefined) fields[`${field}_code`] = code;
  }
  for (const [field, property] of Object.entries(NUMBERS)) {
    const value = parseSetNumber(unit.get(property));
    if (value !== undefined && !(field === 'pid' && value === 0)) fields[field] = value;
  }
  const since = parseTimestamp(unit.get('ActiveEnterTimestamp'));
  if (since !== undefined) fields['active_enter_timestamp_us'] = since;
  return { tags: { name }, fields };
}
