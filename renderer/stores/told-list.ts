/** A list that the main process tells of: as it is now, and as it was at the moment of the past that is shown, if one is. */
import { computed, shallowRef, type ComputedRef, type ShallowRef } from 'vue';
import type { AppError, Result } from '#shared/errors';
import { onReopened } from '../api.ts';
import type { Scope } from '../scope.ts';

export interface ToldList<Item> {
  /** Those that are shown. */
  shown: ComputedRef<readonly Item[]>;
  /** Why they are not known; null when they are. */
  error: ShallowRef<AppError | null>;
  /** Those of a moment of the past; with null those of the present. */
  show: (then: readonly Item[] | null) => void;
  /** Asks for them, now and whenever they may be others than was told, until what it returns is called. */
  watch: () => () => void;
}

/** Only the embedded cluster has one: in a scope of a remote one it is empty, and not asked for. */
export function makeToldList<Told, Item>(
  scope: Scope,
  how: {
    ask: () => Promise<Result<Told>>;
    /** Returns what ends it. */
    listen: (take: (told: Told) => void) => () => void;
    items: (told: Told) => readonly Item[];
  },
): ToldList<Item> {
  const live = shallowRef<readonly Item[]>([]);
  const past = shallowRef<readonly Item[] | null>(null);
  const error = shallowRef<AppError | null>(null);
  /** Grows with all that is asked or told: an answer that something newer has overtaken is not taken. */
  let run = 0;

  async function load(): Promise<void> {
    const mine = ++run;
    const answer = await how.ask();
    if (mine !== run) return;
    live.value = answer.ok ? how.items(answer.value) : [];
    error.value = answer.ok ? null : answer.error;
  }

  function watch(): () => void {
    if (!scope.embedded) return () => undefined;
    const stops = [
      how.listen((told) => {
        run += 1;
        live.value = how.items(told);
        error.value = null;
      }),
      scope.listen('connection/reopened', () => {
        live.value = [];
        void load();
      }),
      onReopened(() => void load()),
    ];
    void load();
    return () => stops.forEach((stop) => stop());
  }

  return {
    shown: computed(() => past.value ?? live.value),
    error,
    show: (then) => {
      past.value = then;
    },
    watch,
  };
}
