import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { activeClock, parseRocmSmi } from './amd_rocm_smi/parse.ts';
import { parseCpuTimes } from './cpu/parse.ts';
import { parseJsonRows } from './custom/json.ts';
import { parsePrometheusLine } from './custom/prometheus.ts';
import { parseMountinfo } from './disk/parse.ts';
import { parseDiskstats } from './diskio/parse.ts';
import { parseContainers, parseImages, parseInfo, parseInspect, parseStats, splitImage } from './docker/parse.ts';
import { containerOf } from './gpu-process.ts';
import { parseKernelCounters } from './kernel/parse.ts';
import { parseDomstats } from './libvirt/parse.ts';
import { parseMdstat } from './mdstat/parse.ts';
import { parseMeminfo } from './mem/parse.ts';
import { parseFlags, parseNetDev, parseSpeed } from './net/parse.ts';
import { countTcpStates, parseSockstat, TCP_STATES, type TcpState } from './netstat/parse.ts';
import { isUnknownHost, parsePing } from './ping/parse.ts';
import { parsePressure } from './pressure/parse.ts';
import { ParseError } from './proc-text.ts';
import { parsePasswd, parseProcessStat, parseProcessStatus } from './processes/parse.ts';
import { parseCephStatus, parseClusterStatus, parseResources } from './proxmox/parse.ts';
import { parseBackupResources, parseBackups, parseBackupTasks, parseReplication } from './proxmox_backup/parse.ts';
import { parseAddress } from './public_ip/parse.ts';
import { parseKilohertz, parseThrottled, parseVolts } from './rpi/parse.ts';
import { parseReading } from './sensors/parse.ts';
import { parseReport, parseScan } from './smartctl/parse.ts';
import { parseSwapPages } from './swap/parse.ts';
import { countCpuList, countSessions, parseCpuinfo, parseLoadavg, parseUptime } from './system/parse.ts';
import { parseSetNumber, parseTimestamp, parseUnits, parseVersion } from './systemd_units/parse.ts';
import { parseMillidegrees, sensorName } from './temp/parse.ts';
import { isNoServer, parseSessions, parseTmuxSockets } from './tmux/parse.ts';
import { countApk, countApt, countDnf, countPacman, managerOf, newestKernel } from './updates/parse.ts';
import { parseCertificates } from './x509_cert/parse.ts';
import { parseIo, parseNamed } from './zfs/parse.ts';
import { parseList, parseZone } from './zpool/parse.ts';
import { parseStatusJson } from './zpool/status-json.ts';
import { parseStatusText } from './zpool/status-text.ts';

const PARSERS: Record<string, (text: string) => unknown> = {
  parseCpuTimes,
  parseMountinfo,
  parseDiskstats,
  parseKernelCounters,
  parseMeminfo,
  parseNetDev,
  parseFlags,
  parseSpeed,
  countTcpStates: (text) => countTcpStates(text, Object.fromEntries(TCP_STATES.map((s) => [s, 0])) as Record<TcpState, number>),
  parseSockstat,
  parsePressure: (text) => parsePressure('cpu', text),
  parseProcessStat,
  parsePasswd,
  parseProcessStatus,
  parseSwapPages,
  parseLoadavg,
  parseUptime,
  countCpuList,
  countSessions: (text) => countSessions([text]),
  parseCpuinfo,
  parseMillidegrees: (text) => parseMillidegrees(text, 'x'),
  parseInfo,
  parseContainers,
  parseInspect: (text) => parseInspect(text).status(0),
  parseImages,
  parseStats: (text) => parseStats(text, undefined),
  splitImage,
  sensorName: (text) => sensorName(text, text),
  parseSessions,
  parseTmuxSockets,
  isNoServer,
  parseRocmSmi,
  activeClock,
  containerOf,
  parseUnits,
  parseVersion,
  parseSetNumber,
  parseResources: (text) => parseResources(text, 'a'),
  parseClusterStatus,
  parseCephStatus,
  parseBackupResources: (text) => parseBackupResources(text, 'a'),
  parseBackups,
  parseBackupTasks: (text) => parseBackupTasks(text, [], 0),
  parseReplication: (text) => parseReplication(text, 0),
  parseDomstats: (text) => parseDomstats(text, 9),
  countApt,
  countDnf,
  countPacman,
  countApk,
  managerOf,
  newestKernel: (text) => newestKernel(text, text.split('\n')),
  parseTimestamp,
  parsePing,
  isUnknownHost,
  parseCertificates,
  parseAddress: (text) => [parseAddress(text, 4), parseAddress(text, 6)],
  parsePrometheusLine,
  parseMdstat,
  parseThrottled,
  parseVolts,
  parseKilohertz,
  parseReading: (text) => parseReading(text, 'fan_input', 'x'),
  parseScan,
  parseReport,
  parseNamed: (text) => parseNamed(text, 'x'),
  parseIo: (text) => parseIo(text, 'x'),
  parseList,
  parseZone,
  parseStatusJson,
  parseStatusText,
  parseJsonRows: (text) => parseJsonRows(text, { rows: '', fields: { a: '/a', b: '/0' }, tags: { c: '/Id' } }),
};

/** Words that stand in these files, so that garbage comes further than the first check. */
const WORDS = [
  ...[
    'cpu ',
    'cpu0 ',
    'btime ',
    'ctxt ',
    'intr ',
    'processes ',
    'pswpin ',
    'pswpout ',
    'MemTotal:',
    ' kB',
    'some ',
    'full ',
    'avg10=',
    'total=',
  ],
  ...[
    'eth0:',
    ' - ',
    '1:2 ',
    '/ ',
    '\\040',
    '\\777',
    'sda ',
    '1 (a) R ',
    ') ',
    ' (',
    'TCP: inuse ',
    'UDP6: inuse ',
    '0: 0:0000 0:0000 0A ',
    'Uid:\t',
    ':',
    '0-3',
  ],
  ...['md0 : active raid1 ', 'sda[0](F) ', ' blocks ', '[2/1] [_U]', 'name type data\n', 'nread ', '  pool: tank\n', ' scan: scrub '],
  ...[
    'config:\n',
    '\ttank  ONLINE  ',
    '\tlogs\n',
    ' with 0 errors on Sun Nov 10 00:24:01 2024',
    '"pools":',
    '"devices":',
    '"ata_smart_attributes":',
    '"table":',
    '"vdevs":',
    '+0100',
    '\t',
  ],
  ...['{', '}', '[', ']', ',', '"Id":', '"State":', '"cpu_stats":', '"Names":', 'null', '"a"'],
  ...['s:$1:1:1:1:0:1:a\n', 'p:$1:7:0\n', 's:', '$', '0a: 2 0 00010000 0001 01 7 /tmp/tmux-0/', '/tmp/tmux-'],
  ...[
    '3 packets transmitted, ',
    '2 received',
    'rtt min/avg/max/mdev = ',
    '1.5/',
    ' ms',
    'a{b="',
    '"} 1',
    ' +Inf',
    '192.0.2.1',
    '2001:db8::1',
  ],
  ...["Domain: 'a'\n", '  state.state=', '  net.0.rx.bytes=', '  block.1.path='],
  ...['Id=', 'a.service', 'Version=', 'Tue 2026-11-24 ', '10:00:00', ' UTC'],
  ...['-----BEGIN CERTIFICATE-----', '-----END CERTIFICATE-----', 'MIIB'],
  ...['\n', ' ', '0', '7', '99999999999999999999', '-1', '1.5', 'NaN', '\0', '\u202e', '\ud800'],
];
const garbage = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.array(fc.constantFrom(...WORDS), { maxLength: 60 }).map((words) => words.join('')),
);

describe.each(Object.entries(PARSERS))('%s', (_, parse) => {
  it('gives a value or throws a ParseError, whatever the text', () => {
    fc.assert(
      fc.property(garbage, (text) => {
        try {
          parse(text);
        } catch (error) {
          expect(error).toBeInstanceOf(ParseError);
        }
      }),
    );
  });
});
