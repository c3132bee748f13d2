import { expect, it } from 'vitest';
import { Confirmations } from './confirmations.ts';

const confirmed = { session: 'box~a', run: 'r1', asker: 'token 1' };

it('work once, for a minute, and for what they were given for', () => {
  let now = 1000;
  const confirmations = new Confirmations(() => now);
  const { token, expiresAt } = confirmations.give(confirmed);
  expect(expiresAt).toBe(61_000);
  for (const change of [{ session: 'box~b' }, { asker: 'token 2' }]) {
    expect(confirmations.use(token, { ...confirmed, ...change })).toBe('unknown');
  }
  expect(confirmations.use(token, confirmed)).toBe('ok');
  expect(confirmations.use(token, confirmed)).toBe('unknown');

  const other = confirmations.give(confirmed).token;
  expect(confirmations.use(other, { ...confirmed, run: 'r2' })).toBe('unknown');
  expect(confirmations.use(other, confirmed)).toBe('unknown');

  const late = confirmations.give(confirmed).token;
  now += 60_000;
  expect(confirmations.use(late, confirmed)).toBe('expired');
  expect(confirmations.use(late, confirmed)).toBe('unknown');
  expect(confirmations.use('', confirmed)).toBe('unknown');
});

it('are not kept for ever', () => {
  let now = 0;
  const confirmations = new Confirmations(() => now);
  const old = confirmations.give(confirmed).token;
  now += 60 * 60_000;
  confirmations.give(confirmed);
  now = 1;
  expect(confirmations.use(old, confirmed)).toBe('unknown');
});
