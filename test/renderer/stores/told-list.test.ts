import { beforeEach, expect, it } from 'vitest';
import type { Bridge } from '../../../shared/ipc.ts';
import type { AppError, Result } from '../../../shared/errors.ts';
import { useBridge } from '../../../renderer/api.ts';
import { openScope, type Scope } from '../../../renderer/scope.ts';
import { makeToldList, type ToldList } from '../../../renderer/stores/told-list.ts';

interface Told {
  names: string[];
}
let answers: PromiseWithResolvers<Result<Told>>[];
let tell: (told: Told) => void;
let move: () => void;
let list: ToldList<string>;
let stop: () => void;

const refused: AppError = { code: 'NOT_EMBEDDED', message: 'That is another cluster.' };
async function answer(index: number, result: Result<Told>): Promise<void> {
  answers[index]?.resolve(result);
  await new Promise((resolve) => setTimeout(resolve));
}
const known = (...names: string[]): Result<Told> => ({ ok: true, value: { names } });

beforeEach(() => {
  answers = [];
  const bridge: Bridge = {
    invoke: () => Promise.reject(new Error('not asked here')),
    on: (event, listener) => {
      if (event === 'connection/reopened') move = () => listener({ connectionId: 'desk' } as never);
      return () => undefined;
    },
  };
  useBridge(bridge);
  list = listOf(openScope({ id: 'desk', kind: 'embedded' }));
  stop = list.watch();
  return stop;
});

function listOf(scope: Scope): ToldList<string> {
  return makeToldList<Told, string>(scope, {
    ask: () => {
      const next = Promise.withResolvers<Result<Told>>();
      answers.push(next);
      return next.promise;
    },
    listen: (take) => {
      tell = take;
      return () => {
        tell = () => undefined;
      };
    },
    items: ({ names }) => names,
  });
}

it('asks once it is watched, then shows what it is told', async () => {
  await answer(0, known('a'));
  expect(list.shown.value).toEqual(['a']);
  tell({ names: ['a', 'b'] });
  expect(list.shown.value).toEqual(['a', 'b']);
  stop();
  tell({ names: [] });
  expect(list.shown.value).toEqual(['a', 'b']);
});

it('does not take an answer that was overtaken', async () => {
  tell({ names: ['newer'] });
  await answer(0, known('older'));
  expect(list.shown.value).toEqual(['newer']);
});

it('is not asked for on a remote cluster, which has none', () => {
  const before = answers.length;
  const remote = listOf(openScope({ id: 'staging', kind: 'remote' }));
  remote.watch();
  expect(answers).toHaveLength(before);
  expect(remote.shown.value).toEqual([]);
  expect(remote.error.value).toBeNull();
});

it('is unknown once the connection was opened again, until the answer, and has the reason of a refusal', async () => {
  await answer(0, known('a'));
  move();
  expect(list.shown.value).toEqual([]);
  await answer(1, { ok: false, error: refused });
  expect(list.error.value).toEqual(refused);
  tell({ names: ['b'] });
  expect(list.error.value).toBeNull();
});

it('shows the past in place of the present, which goes on underneath', async () => {
  await answer(0, known('now'));
  list.show(['then']);
  tell({ names: ['later'] });
  expect(list.shown.value).toEqual(['then']);
  list.show(null);
  expect(list.shown.value).toEqual(['later']);
});
