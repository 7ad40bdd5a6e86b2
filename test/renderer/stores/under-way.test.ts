import { expect, it } from 'vitest';
import { failureOf, trackUnderWay } from '../../../renderer/stores/under-way.ts';

it('does one thing at a time under a key, several under several', async () => {
  const { underWay, busyWith } = trackUnderWay();
  const first = Promise.withResolvers<string>();
  const second = Promise.withResolvers<string>();
  const begun = busyWith('heal:1', () => first.promise);
  expect(await busyWith('heal:1', () => Promise.resolve('again'))).toBeNull();
  const other = busyWith('heal:2', () => second.promise);
  expect([...underWay.value]).toEqual(['heal:1', 'heal:2']);
  first.resolve('done');
  expect(await begun).toBe('done');
  expect([...underWay.value]).toEqual(['heal:2']);
  second.resolve('done too');
  await other;
  expect(await busyWith('heal:1', () => Promise.resolve('again'))).toBe('again');
});

it('is not busy any more with what threw', async () => {
  const { underWay, busyWith } = trackUnderWay();
  await expect(busyWith('kill:1', () => Promise.reject(new Error('gone')))).rejects.toThrow('gone');
  expect(underWay.value.size).toBe(0);
});

it('tells a refusal from what was done, and from what was not begun', () => {
  const error = { code: 'NOT_FOUND', message: 'There is no such fault.' };
  expect(failureOf({ ok: false, error })).toBe(error);
  expect(failureOf({ ok: true, value: null })).toBeNull();
  expect(failureOf(null)).toBeNull();
});
