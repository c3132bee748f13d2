import fc from 'fast-check';
import { expect, it } from 'vitest';
import { nextTick, ref } from 'vue';
import { keepOrder, useSettledOrder } from './settled-order.ts';

it('keeps its order for 10 s and while it is held, then takes the new one', async () => {
  let time = 0;
  const sorted = ref<readonly string[]>(['a', 'b', 'c']);
  const held = ref(false);
  const key = ref('worst');
  const shown = useSettledOrder(
    sorted,
    (one) => one,
    held,
    key,
    () => time,
  );
  expect(shown.value).toEqual(['a', 'b', 'c']);

  time = 5000;
  sorted.value = ['c', 'b', 'a'];
  await nextTick();
  expect(shown.value).toEqual(['a', 'b', 'c']);

  time = 11_000;
  held.value = true;
  sorted.value = ['c', 'a', 'b'];
  await nextTick();
  expect(shown.value).toEqual(['a', 'b', 'c']);

  held.value = false;
  await nextTick();
  expect(shown.value).toEqual(['c', 'a', 'b']);

  key.value = 'name';
  sorted.value = ['a', 'b', 'c'];
  await nextTick();
  expect(shown.value).toEqual(['a', 'b', 'c']);
});

it('loses nothing and keeps what was there in its order', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.string()), fc.uniqueArray(fc.string()), (before, after) => {
      const kept = keepOrder(before, after, (one) => one);
      expect([...kept].sort()).toEqual([...after].sort());
      expect(kept.filter((one) => before.includes(one))).toEqual(before.filter((one) => after.includes(one)));
    }),
  );
});
