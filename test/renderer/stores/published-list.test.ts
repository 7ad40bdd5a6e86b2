import { beforeEach, expect, it } from 'vitest';
import type { Bridge } from '../../../shared/ipc.ts';
import type { AppError, Result } from '../../../shared/errors.ts';
import { useBridge } from '../../../renderer/api.ts';
import { openScope, type Scope } from '../../../renderer/scope.ts';
import { createPublishedList, type PublishedList } from '../../../renderer/stores/published-list.ts';

interface Names {
  names: string[];
}
let answers: PromiseWithResolvers<Result<Names>>[];
let publish: (published: Names) => void;
let reopen: () => void;
let list: PublishedList<string>;
let stop: () => void;

const refused: AppError = { code: 'NOT_EMBEDDED', message: 'That is another cluster.' };
async function answer(index: number, result: Result<Names>): Promise<void> {
  answers[index]?.resolve(result);
  await new Promise((resolve) => setTimeout(resolve));
}
const known = (...names: string[]): Result<Names> => ({ ok: true, value: { names } });

beforeEach(() => {
  answers = [];
  const bridge: Bridge = {
    invoke: () => Promise.reject(new Error('not requested here')),
    on: (event, listener) => {
      if (event === 'connection/reopened') reopen = () => listener({ connectionId: 'desk' } as never);
      return () => undefined;
    },
  };
  useBridge(bridge);
  list = listOf(openScope({ id: 'desk', kind: 'embedded' }));
  stop = list.watch();
  return stop;
});

function listOf(scope: Scope): PublishedList<string> {
  return createPublishedList<Names, string>(scope, {
    request: () => {
      const next = Promise.withResolvers<Result<Names>>();
      answers.push(next);
      return next.promise;
    },
    listen: (take) => {
      publish = take;
      return () => {
        publish = () => undefined;
      };
    },
    items: ({ names }) => names,
  });
}

it('requests the list when it is watched, then shows each publication', async () => {
  await answer(0, known('a'));
  expect(list.shown.value).toEqual(['a']);
  publish({ names: ['a', 'b'] });
  expect(list.shown.value).toEqual(['a', 'b']);
  stop();
  publish({ names: [] });
  expect(list.shown.value).toEqual(['a', 'b']);
});

it('drops an answer that a publication has overtaken', async () => {
  publish({ names: ['newer'] });
  await answer(0, known('older'));
  expect(list.shown.value).toEqual(['newer']);
});

it('sends no request for a remote cluster', () => {
  const before = answers.length;
  const remote = listOf(openScope({ id: 'staging', kind: 'remote' }));
  remote.watch();
  expect(answers).toHaveLength(before);
  expect(remote.shown.value).toEqual([]);
  expect(remote.error.value).toBeNull();
});

it('is unknown after the connection is reopened until the answer, and keeps the reason of a refusal', async () => {
  await answer(0, known('a'));
  reopen();
  expect(list.shown.value).toEqual([]);
  await answer(1, { ok: false, error: refused });
  expect(list.error.value).toEqual(refused);
  publish({ names: ['b'] });
  expect(list.error.value).toBeNull();
});

it('shows a point in time while it follows the present', async () => {
  await answer(0, known('now'));
  list.show(['then']);
  publish({ names: ['later'] });
  expect(list.shown.value).toEqual(['then']);
  list.show(null);
  expect(list.shown.value).toEqual(['later']);
});
