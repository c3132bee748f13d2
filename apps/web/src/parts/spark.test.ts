import fc from 'fast-check';
import { expect, it } from 'vitest';
import { sparkShape } from './spark.ts';

const box = { width: 80, height: 24, low: 0, high: 100 };

it('breaks the line where there is no value, and ends at the last one', () => {
  const { line, end } = sparkShape([0, 50, null, 100, null], [], [], box);
  expect(line).toBe('M0 23L20 12.5M60 2');
  expect(end).toEqual({ x: 60, y: 2 });
});

it('stays in its box and writes numbers only', () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.double({ noNaN: true }))), (values) => {
      const { line, area, band, end } = sparkShape(values, values, values, box);
      expect(line + area + band).not.toMatch(/NaN|Infinity|null/);
      if (end !== null) expect(end.y >= 0 && end.y <= 23 && end.x >= 0 && end.x <= 80).toBe(true);
    }),
  );
});
