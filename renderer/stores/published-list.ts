/** A list that the main process publishes: its present items, or those of the point in time that is shown. */
import { computed, shallowRef, type ComputedRef, type ShallowRef } from 'vue';
import type { AppError, Result } from '#shared/errors';
import { onReopened } from '../api.ts';
import type { Scope } from '../scope.ts';

export interface PublishedList<Item> {
  /** The items that pages show. */
  shown: ComputedRef<readonly Item[]>;
  /** Why they are unknown; null when they are known. */
  error: ShallowRef<AppError | null>;
  /** Shows the items of a point in time; null shows the present ones. */
  show: (then: readonly Item[] | null) => void;
  /** Requests the list, now and after each reconnection, and follows its changes until the returned function is called. */
  watch: () => () => void;
}

/** Only the embedded cluster has such lists: in the scope of a remote cluster the list is empty, and no request is sent. */
export function createPublishedList<Published, Item>(
  scope: Scope,
  source: {
    request: () => Promise<Result<Published>>;
    /** Returns the function that ends the subscription. */
    listen: (take: (published: Published) => void) => () => void;
    items: (published: Published) => readonly Item[];
  },
): PublishedList<Item> {
  const live = shallowRef<readonly Item[]>([]);
  const past = shallowRef<readonly Item[] | null>(null);
  const error = shallowRef<AppError | null>(null);
  /** Incremented with each request and publication: an answer that a newer one has overtaken is dropped. */
  let run = 0;

  async function load(): Promise<void> {
    const mine = ++run;
    const answer = await source.request();
    if (mine !== run) return;
    live.value = answer.ok ? source.items(answer.value) : [];
    error.value = answer.ok ? null : answer.error;
  }

  function watch(): () => void {
    if (!scope.embedded) return () => undefined;
    const stops = [
      source.listen((published) => {
        run += 1;
        live.value = source.items(published);
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
