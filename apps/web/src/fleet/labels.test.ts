import { describe, expect, it } from 'vitest';
import { groupProblem, quote, readLabels, unquote, wordsOf, writeLabels } from './labels.ts';

const HOSTILE = ['a b', 'a,b', '"', '""', '\\', '\\"', 'a\\ "b', '=', 'x=y', ',', '\u{1f600} \u00e9', '<b>', "it's"];

describe('labels', () => {
  it('reads pairs, divided by spaces or commas, quoted where a value has some', () => {
    expect(readLabels(' site=home, rack="row 2"  role=a=b ')).toEqual({ ok: true, labels: { site: 'home', rack: 'row 2', role: 'a=b' } });
    expect(readLabels('')).toEqual({ ok: true, labels: {} });
  });

  it.each([
    ['site', 'A label is key=value. Try site=yes.'],
    ['Site=home', 'A key is a lower-case letter, then letters, digits, dots, dashes.'],
    ['site=', 'The label site has no value.'],
    ['site=a site=b', 'The label site stands there twice.'],
    [`site=${'x'.repeat(64)}`, 'The value of site is longer than 63 characters.'],
    ['site=" a"', 'The value of site has a space at an end.'],
    ['site=a\u0007', 'The value of site has a character that cannot be printed.'],
  ])('says what is wrong with %j', (text, problem) => {
    expect(readLabels(text)).toEqual({ ok: false, problem });
  });

  it.each(HOSTILE)('reads back what it writes: %j', (value) => {
    const labels = { site: 'home', 'a.b-c_1': value };
    expect(readLabels(writeLabels(labels))).toEqual({ ok: true, labels });
    expect(wordsOf(quote(value))).toEqual([quote(value)]);
    expect(unquote(quote(value))).toBe(value);
  });

  it.each(['"', 'a="', 'a=\\', '\\', '=', '==', 'a=b"c d', ', ,', 'a=\n'])('takes %j without a fault', (text) => {
    expect(readLabels(text)).toHaveProperty('ok');
  });
});

it('takes only names of groups that the server takes', () => {
  expect([groupProblem(''), groupProblem('Raspberry Pi'), groupProblem('3d.print_er-1')]).toEqual([null, null, null]);
  expect([groupProblem(' pi'), groupProblem('pi '), groupProblem('a'.repeat(33)), groupProblem('b\u00fcro')]).not.toContain(null);
});
