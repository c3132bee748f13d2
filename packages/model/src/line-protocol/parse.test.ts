import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Point } from '../point.ts';
import { parseLines } from './parse.ts';

function parse(text: string) {
  return parseLines(text, 'ns', 5_000);
}

function only(text: string): Point {
  const { points, errors } = parse(text);
  expect(errors).toEqual([]);
  expect(points).toHaveLength(1);
  return (points[0] as (typeof points)[number]).point;
}

describe('parseLines', () => {
  it('reads names, tags, fields of all types and a time', () => {
    const line =
      'cpu,host=pve1,cpu=cpu0 usage=1.5,count=-3i,unsigned=4u,up=T,down=false,text="a \\"b\\" \\\\ c",big=9007199254740993i 1700000000123456789';
    expect(parse(line)).toEqual({
      errors: [],
      points: [
        {
          line: 1,
          time: 1_700_000_000_123,
          nanos: 456_789,
          point: {
            measurement: 'cpu',
            tags: { cpu: 'cpu0', host: 'pve1' },
            fields: { usage: 1.5, count: -3, unsigned: 4, up: true, down: false, text: 'a "b" \\ c', big: 9_007_199_254_740_993n },
            types: { usage: 'float', count: 'int', unsigned: 'int', up: 'bool', down: 'bool', text: 'string', big: 'int' },
          },
        },
      ],
    });
  });

  it('reads escapes in names, tags and field keys', () => {
    expect(only('m\\ a\\,b=c,t\\ k\\,\\==v\\ \\,\\= f\\ \\,\\==1')).toMatchObject({
      measurement: 'm a,b=c',
      tags: { 't k,=': 'v ,=' },
      fields: { 'f ,=': 1 },
    });
    expect(only('m,t=a\\b\\\\c f="x"').tags).toEqual({ t: 'a\\b\\\\c' });
    expect(only('m f="one\ntwo, three=4"').fields).toEqual({ f: 'one\ntwo, three=4' });
  });

  it.each(['t', 'T', 'true', 'True', 'TRUE'])('reads %s as true', (word) => expect(only(`m f=${word}`).fields).toEqual({ f: true }));
  it.each(['f', 'F', 'false', 'False', 'FALSE'])('reads %s as false', (word) => expect(only(`m f=${word}`).fields).toEqual({ f: false }));
  it.each(['1', '-1.5', '1.', '.5', '1e3', '-1.5E-3', '+2'])('reads %s as a float', (word) =>
    expect(only(`m f=${word}`).fields).toEqual({ f: Number(word) }),
  );

  it('skips comments, empty lines, leading blanks and carriage returns', () => {
    const { points, errors } = parse('# comment\n\n  m v=1 1\r\n   \n#\nm v=2 2');
    expect(errors).toEqual([]);
    expect(points.map(({ line, nanos }) => [line, nanos])).toEqual([
      [3, 1],
      [6, 2],
    ]);
  });

  it.each([
    ['n', '1700000000123456789', 1_700_000_000_123, 456_789],
    ['ns', '-1', -1, 999_999],
    ['u', '1700000000123456', 1_700_000_000_123, 456_000],
    ['us', '5', 0, 5000],
    ['ms', '1700000000123', 1_700_000_000_123, 0],
    ['s', '1700000000', 1_700_000_000_000, 0],
    ['m', '2', 120_000, 0],
    ['h', '-1', -3_600_000, 0],
  ] as const)('reads times in %s', (precision, stamp, time, nanos) => {
    expect(parseLines(`m v=1 ${stamp}`, precision, 0).points[0]).toMatchObject({ time, nanos });
  });

  it('gives the time of arrival to lines without one', () => {
    expect(parse('m v=1').points[0]).toMatchObject({ time: 5000, nanos: 0 });
  });

  it.each([
    ['m', 'missing fields'],
    ['m ', 'missing fields'],
    [',t=1 f=1', 'missing measurement'],
    ['m,t f=1', 'missing tag value'],
    ['m,t= f=1', 'missing tag value'],
    ['m,=v f=1', 'missing tag key'],
    ['m,t=a,t=b f=1', 'duplicate tags'],
    ['m,t=a=b f=1', 'invalid tag format'],
    ['m f', 'invalid field format'],
    ['m =1', 'missing field key'],
    ['m f=', 'missing field value'],
    ['m f=1,', 'missing field key'],
    ['m f="open', 'unbalanced quotes'],
    ['m f="a"b', 'invalid field format'],
    ['m f=1x', 'invalid number'],
    ['m f=yes', 'invalid boolean'],
    ['m f=1e999', 'invalid number'],
    ['m f=9223372036854775808i', 'unable to parse integer 9223372036854775808: value out of range'],
    ['m f=1 soon', 'bad timestamp'],
    ['m f=1 1 2', 'point is invalid'],
    ['m f=1 9223372036854775807', 'time outside range -9223372036854775806 - 9223372036854775806'],
    ['m,__proto__=1 f=1', 'invalid tag key'],
    ['m __proto__=1', 'missing field key'],
  ])('tells what is wrong with %j', (line, reason) => {
    const { points, errors } = parse(`good v=1 1\n${line}\ngood v=2 2`);
    // An open quote runs into the lines after it, as in InfluxDB, and takes them along only if it is closed there.
    expect(points.map(({ point }) => point.measurement)).toEqual(['good', 'good']);
    expect(errors).toEqual([{ line: 2, text: line, message: `unable to parse '${line}': ${reason}` }]);
  });

  it('never throws, whatever it is given, and loses no line between points and errors', () => {
    const piece = fc.constantFrom('m', ',', '=', ' ', '"', '\\', '\n', '1', 'i', 't', '#', '\r', '\u0000', 'f=1', 'm f=1 1\n', '\ud800');
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.array(piece, { maxLength: 60 }).map((parts) => parts.join('')),
        ),
        (text) => {
          const { points, errors } = parse(text);
          expect(points.length + errors.length).toBeLessThanOrEqual(text.split('\n').length);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('stays linear in the size of the text', () => {
    const started = performance.now();
    parse(`${'m f=1\n'.repeat(200_000)}m f="x"`);
    parse('m f="\\"\n'.repeat(100_000));
    expect(performance.now() - started).toBeLessThan(10_000);
  });
});
