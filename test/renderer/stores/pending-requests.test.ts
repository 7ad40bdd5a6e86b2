import { expect, it } from 'vitest';
import { failureOf, trackPendingRequests } from '../../../renderer/stores/pending-requests.ts';

it('runs one request at a time for each key', async () => {
  const { pending, runOnce } = trackPendingRequests();
  const first = Promise.withResolvers<string>();
  const second = Promise.withResolvers<string>();
  const begun = runOnce('heal:1', () => first.promise);
  expect(await runOnce('heal:1', () => Promise.resolve('again'))).toBeNull();
  const other = runOnce('heal:2', () => second.promise);
  expect([...pending.value]).toEqual(['heal:1', 'heal:2']);
  first.resolve('done');
  expect(await begun).toBe('done');
  expect([...pending.value]).toEqual(['heal:2']);
  second.resolve('done too');
  await other;
  expect(await runOnce('heal:1', () => Promise.resolve('again'))).toBe('again');
});

it('has no pending request after an exception', async () => {
  const { pending, runOnce } = trackPendingRequests();
  await expect(runOnce('kill:1', () => Promise.reject(new Error('failed')))).rejects.toThrow('failed');
  expect(pending.value.size).toBe(0);
});

it('returns the error of a refused request only', () => {
  const error = { code: 'NOT_FOUND', message: 'There is no such fault.' };
  expect(failureOf({ ok: false, error })).toBe(error);
  expect(failureOf({ ok: true, value: null })).toBeNull();
  expect(failureOf(null)).toBeNull();
});
