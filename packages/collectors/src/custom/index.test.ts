import { type AccessError, LocalHost } from '@hostwire/host-access';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { settingsOf } from '../config.ts';
import { ParseError } from '../proc-text.ts';
import { createRunner } from '../runner.ts';
import { Readings, TreeHost } from '../tree-host.testkit.ts';
import { custom } from './index.ts';
import { parsePrometheusLine } from './prometheus.ts';

const ok = (stdout: string) => ({ exitCode: 0, stdout, stderr: '' });
const source = (more: object) => ({ name: 'rack', command: ['rack'], format: 'influx', ...more });

async function read(text: string, more: object = {}) {
  const readings = new Readings(custom, { sources: [source(more)] });
  const data = await readings.readAll(new TreeHost({ commands: { rack: ok(text) } }));
  return { data, own: data['custom']?.[0]?.fields, reported: readings.reported };
}

describe('custom: line protocol', () => {
  it('takes each measurement under its prefix, numbers as floats, and the time of the sample', async () => {
    const { data, own } = await read('ups,model=a load=12i,on=true,mode="line" 1790000000000000000\nups,model=b load=1.5\nroom t=20');
    expect(data['custom_ups']).toEqual([
      { tags: { model: 'a', source: 'rack' }, fields: { load: 12, on: true, mode: 'line' } },
      { tags: { model: 'b', source: 'rack' }, fields: { load: 1.5 } },
    ]);
    expect(data['custom_room']).toEqual([{ tags: { source: 'rack' }, fields: { t: 20 } }]);
    expect(own).toEqual({ success: true, rows: 3, bad_lines: 0, dropped: 0 });
  });

  it('keeps the good lines, reports the bad ones with their number and counts them', async () => {
    const { data, own, reported } = await read('a f=1\nb\nc f=2\nd f=\n');
    expect(Object.keys(data).sort()).toEqual(['custom', 'custom_a', 'custom_c']);
    expect(own).toMatchObject({ success: true, rows: 2, bad_lines: 2 });
    expect(reported.map(String)).toEqual([
      'ParseError: source rack, line 2: missing fields',
      'ParseError: source rack, line 4: missing field value',
    ]);
  });

  it('puts lines of one series together, and keeps the first of a value that comes twice', async () => {
    const { data, own } = await read('a,t=x f=1\na,t=x g=2,f=3');
    expect(data['custom_a']).toEqual([{ tags: { t: 'x', source: 'rack' }, fields: { f: 1, g: 2 } }]);
    expect(own).toMatchObject({ rows: 1, dropped: 1 });
  });

  it('leaves out names that are none, and more than a source may give', async () => {
    const many = Array.from({ length: 1100 }, (_, i) => `a,t=${i} f=1`).join('\n');
    expect((await read(many)).own).toMatchObject({ rows: 1000, dropped: 100 });
    expect((await read('a\\ b f=1\na,x\\ y=1 f=1\na f\\ g=1')).own).toMatchObject({ dropped: 3 });
  });
});

describe('custom: prometheus', () => {
  const TEXT = `# HELP http_requests_total The total number of HTTP requests.
# TYPE http_requests_total counter
http_requests_total{method="post",code="200"} 1027 1395066363000
http_requests_total{method="post",code="400"}    3 1395066363000

# Escaping in label values:
msdos_file_access_time_seconds{path="C:\\\\DIR\\\\FILE.TXT",error="Cannot find file:\\n\\"FILE.TXT\\""} 1.458255915e9
metric_without_timestamp_and_labels 12.47
something_weird{problem="division by zero"} +Inf -3982045
# TYPE http_request_duration_seconds histogram
http_request_duration_seconds_bucket{le="0.05"} 24054
http_request_duration_seconds_bucket{le="+Inf"} 144320
http_request_duration_seconds_sum 53423
http_request_duration_seconds_count 144320
# TYPE rpc_duration_seconds summary
rpc_duration_seconds{quantile="0.5"} 4773
rpc_duration_seconds{quantile="0.9"} NaN
`;

  it('reads the example of the format, labels as tags, with le and quantile', async () => {
    const { data, own, reported } = await read(TEXT, { format: 'prometheus' });
    expect(reported).toEqual([]);
    expect(own).toEqual({ success: true, rows: 7, bad_lines: 0, dropped: 2 });
    expect(data['custom_rack']).toEqual([
      { tags: { code: '200', method: 'post', source: 'rack' }, fields: { http_requests_total: 1027 } },
      { tags: { code: '400', method: 'post', source: 'rack' }, fields: { http_requests_total: 3 } },
      {
        tags: { error: 'Cannot find file:\n"FILE.TXT"', path: 'C:\\DIR\\FILE.TXT', source: 'rack' },
        fields: { msdos_file_access_time_seconds: 1458255915 },
      },
      {
        tags: { source: 'rack' },
        fields: {
          metric_without_timestamp_and_labels: 12.47,
          http_request_duration_seconds_sum: 53423,
          http_request_duration_seconds_count: 144320,
        },
      },
      { tags: { le: '0.05', source: 'rack' }, fields: { http_request_duration_seconds_bucket: 24054 } },
      { tags: { le: '+Inf', source: 'rack' }, fields: { http_request_duration_seconds_bucket: 144320 } },
      { tags: { quantile: '0.5', source: 'rack' }, fields: { rpc_duration_seconds: 4773 } },
    ]);
  });

  it('takes the metrics that are wanted, and keeps apart what would be ours', async () => {
    const text = 'node_load1 0.5\ngo_info 1\nnode_up{host="x",source="y"} 1';
    const { data } = await read(text, { format: 'prometheus', metrics: ['node_*'] });
    expect(data['custom_rack']).toEqual([
      { tags: { source: 'rack' }, fields: { node_load1: 0.5 } },
      { tags: { exported_host: 'x', exported_source: 'y', source: 'rack' }, fields: { node_up: 1 } },
    ]);
  });

  it.each(['{a="b"} 1', 'a{b="c" 1', 'a{b=c} 1', 'a{b="c"}', 'a one', 'a 1 2 3', 'a{b="1",b="2"} 1', 'a{b="\\', '1a 1'])(
    'tells that this is no line: %s',
    async (line) => {
      const { own, reported } = await read(`good 1\n${line}\ngood2 2`, { format: 'prometheus' });
      expect(own).toMatchObject({ rows: 1, bad_lines: 1 });
      expect(reported).toMatchObject([{ code: 'parse', message: expect.stringMatching(/^source rack, line 2: /) as string }]);
    },
  );

  it('reads back what is written, whatever the labels hold', () => {
    const escaped = (text: string) => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"');
    const name = fc.stringMatching(/^[a-zA-Z_][a-zA-Z0-9_]{0,20}$/).filter((text) => text !== '__proto__');
    const label = fc.string({ unit: 'binary' });
    fc.assert(
      fc.property(name, fc.dictionary(name, label, { maxKeys: 5 }), fc.double({ noNaN: true }), (metric, given, value) => {
        const labels = Object.entries(given).map(([key, text]) => `${key}="${escaped(text)}"`);
        const line = `${metric}{${labels.join(', ')}} ${value === Number.POSITIVE_INFINITY ? '+Inf' : value}`;
        expect(parsePrometheusLine(line)).toEqual({ name: metric, labels: { ...given }, value: value + 0 });
      }),
    );
  });

  it('stays linear in the length of a line', () => {
    const began = performance.now();
    for (const line of [
      `a{${'b="'.repeat(100_000)}`,
      `a{b="${'\\'.repeat(200_000)}`,
      `a${' '.repeat(200_000)}b`,
      `a 1${' '.repeat(200_000)}x`,
    ]) {
      expect(() => parsePrometheusLine(line)).toThrow(ParseError);
    }
    expect(performance.now() - began).toBeLessThan(2000);
  });
});

describe('custom: json', () => {
  const TEXT = JSON.stringify({
    up: true,
    'a/b': { 'c~d': 7 },
    pools: [
      { name: 'tank', free: 5, state: 'ok', secret: 'canary' },
      { name: 'dozer', free: null, state: 'bad' },
    ],
  });

  it('takes what the pointers name, and nothing else', async () => {
    const { data } = await read(TEXT, { format: 'json', fields: { up: '/up', odd: '/a~1b/c~0d', none: '/none', list: '/pools' } });
    expect(data['custom_rack']).toEqual([{ tags: { source: 'rack' }, fields: { up: true, odd: 7 } }]);
  });

  it('makes a row of each element of a list', async () => {
    const { data } = await read(TEXT, {
      format: 'json',
      rows: '/pools',
      fields: { free: '/free', state: '/state' },
      tags: { pool: '/name' },
    });
    expect(data['custom_rack']).toEqual([
      { tags: { pool: 'tank', source: 'rack' }, fields: { free: 5, state: 'ok' } },
      { tags: { pool: 'dozer', source: 'rack' }, fields: { state: 'bad' } },
    ]);
    expect(JSON.stringify(data)).not.toContain('canary');
  });

  it('reports what is not JSON, and a list that is none', async () => {
    for (const [text, more] of [
      ['<html>', { fields: { a: '/a' } }],
      ['{"a":1}', { fields: { a: '/a' }, rows: '/a' }],
    ] as const) {
      const { own, reported } = await read(text, { format: 'json', ...more });
      expect(own).toMatchObject({ success: false, rows: 0 });
      expect(reported).toMatchObject([{ code: 'parse' }]);
    }
  });
});

describe('custom: sources', () => {
  const http = { command: [], url: 'http://192.0.2.1:9100/metrics?x=1', format: 'prometheus' };
  const socket = { command: [], socket: '/run/x.sock', path: '/stats', format: 'json', fields: { a: '/a' } };

  it('are asked by HTTP and over a socket as well', async () => {
    const requests = {
      'http://192.0.2.1:9100 /metrics?x=1': { status: 200, headers: {}, body: 'up 1' },
      'unix:/run/x.sock /stats': { status: 200, headers: {}, body: '{"a":2,"b":"canary"}' },
    };
    const sources = [source({ ...http, name: 'one' }), source({ ...socket, name: 'two' })];
    const data = await new Readings(custom, { sources }).readAll(new TreeHost({ requests }));
    expect([data['custom_one'], data['custom_two']]).toEqual([
      [{ tags: { source: 'one' }, fields: { up: 1 } }],
      [{ tags: { source: 'two' }, fields: { a: 2 } }],
    ]);
  });

  it('that fail are reported, and the others go on', async () => {
    const commands = { bad: { exitCode: 3, stdout: 'a f=1', stderr: 'no such rack\n' }, good: ok('a f=1') };
    const requests = { 'http://192.0.2.1:9100 /metrics?x=1': { status: 503, headers: {}, body: '' } };
    const readings = new Readings(custom, {
      sources: [
        source({ name: 'bad', command: ['bad'] }),
        source({ ...http, name: 'down' }),
        source({ name: 'none', command: ['none'] }),
        source({ name: 'good', command: ['good'] }),
      ],
    });
    const data = await readings.readAll(new TreeHost({ commands, requests }));
    expect(data['custom']?.map(({ tags, fields }) => [tags?.['source'], fields['success']])).toEqual([
      ['bad', false],
      ['down', false],
      ['none', false],
      ['good', true],
    ]);
    expect(readings.reported.map((error) => (error as AccessError).code).sort()).toEqual(['ENOENT', 'exit-3', 'status-503']);
  });

  it('are asked no more often than they want', async () => {
    const access = new TreeHost({ commands: { rack: ok('a f=1') } });
    const readings = new Readings(custom, { sources: [source({ interval_seconds: 600 })] });
    const rows = [];
    for (const seconds of [0, 300, 599, 900, 1199]) rows.push((await readings.read(access, seconds * 1000)).length);
    expect(rows).toEqual([1, 0, 1, 0, 1]);
  });

  it.each([
    ['two ways', [source({ url: 'http://a/' })], 'one of command, url and socket'],
    ['no way', [source({ command: [] })], 'one of command, url and socket'],
    ['json without fields', [source({ format: 'json' })], 'json needs fields'],
    ['one name twice', [source({}), source({})], 'two sources are called rack'],
    ['none', [], 'no sources'],
  ])('are refused with a sentence: %s', async (_name, sources, reason) => {
    const { options } = settingsOf(custom, { custom: { sources } });
    const capability = await custom.probe(new TreeHost(), options);
    expect(capability).toMatchObject({ available: false, reason: expect.stringContaining(reason) as string });
    expect(capability.hint).toContain('custom.sources');
  });

  it('run as they stand there, and what they say passes through the runner as it is', async () => {
    const script = 'echo "a,t=$0 f=0.0000012345,g=9007199254740993i"; echo "custom_ f=1"';
    const options = { custom: { enabled: true, sources: [source({ command: ['sh', '-c', script, '$(id);`id`'] })] } };
    const runner = createRunner({ access: new LocalHost(), collectors: [custom], options });
    const { data, errors } = await runner.collect('medium');
    expect(errors).toEqual([]);
    expect(data['custom_a']).toEqual([
      { tags: { t: '$(id);`id`', source: 'rack' }, fields: { f: 0.0000012345, g: 9_007_199_254_740_992 } },
    ]);
  });
});
