/**
 * The address names the connection whose cluster it shows (`?connection=…`), so that a link, a bookmark and the browser's Back lead to that cluster.
 * The embedded cluster, which every installation has, is the one without a name.
 */
import { watch } from 'vue';
import { NavigationFailureType, isNavigationFailure, type LocationQuery, type RouteLocationNormalized, type Router } from 'vue-router';
import type { AppError } from '#shared/errors';
import { useConnectionsStore } from '../stores/connections.ts';

const NAME = 'connection';

interface Selection {
  readonly activeId: string | null;
  readonly addressName: string | null;
}

/** Until the caller stops it. To be called before the connection store starts: what the address names is selected then. */
export function useConnectionAddress(router: Router): () => void {
  const store = useConnectionsStore();
  const { history } = router.options;
  const asked = named(router.resolve(history.location).query);
  if (asked !== null) void store.show(asked);
  let fromHistory = false;
  let navigating = false;
  /** The newest navigation, until it ends. */
  let pending: RouteLocationNormalized | null = null;
  const select = async (id: string): Promise<AppError | null> => {
    navigating = true;
    try {
      return await store.show(id);
    } finally {
      navigating = false;
    }
  };
  /** Makes the address name the selected connection. */
  const follow = async (): Promise<void> => {
    await router.isReady();
    const { path, query, hash, fullPath } = router.currentRoute.value;
    const changed = withConnection(query, store);
    if (changed === query) keepInHistory(router, store, fullPath);
    else await router.replace({ path, query: changed, hash });
  };
  const stops = [
    history.listen(() => (fromHistory = true)),
    router.beforeEach(async (to) => {
      pending = to;
      // An entry of the embedded cluster does not say so in its address.
      const wanted = named(to.query) ?? (fromHistory ? textOrNull(history.state[NAME]) : null);
      fromHistory = false;
      if (wanted !== null && (await select(wanted)) !== null) return false;
      const query = withConnection(to.query, store);
      return query === to.query ? true : { path: to.path, query, hash: to.hash };
    }),
    router.afterEach((to, _from, failure) => {
      if (failure === undefined || to === pending) pending = null;
      if (failure === undefined) keepInHistory(router, store, to.fullPath);
      // A navigation that another one has replaced may have selected its connection all the same.
      else if (!isNavigationFailure(failure, NavigationFailureType.cancelled)) return;
      if (pending === null && !navigating && withConnection(router.currentRoute.value.query, store) !== router.currentRoute.value.query)
        void follow();
    }),
    // The address follows a selection that is made on the page; one that an address asked for needs no other navigation.
    watch(
      () => store.activeId,
      () => {
        if (!navigating) void follow();
      },
      { flush: 'sync' },
    ),
  ];
  return () => stops.forEach((stop) => stop());
}

function keepInHistory(router: Router, { activeId }: Selection, fullPath: string): void {
  if (activeId !== null) router.options.history.replace(fullPath, { [NAME]: activeId });
}

function named(query: LocationQuery): string | null {
  return textOrNull(query[NAME]);
}

function textOrNull(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

/** The same object where nothing changes, as while nothing is selected yet. */
function withConnection(query: LocationQuery, store: Selection): LocationQuery {
  if (store.activeId === null || named(query) === store.addressName) return query;
  const { addressName } = store;
  return addressName === null
    ? Object.fromEntries(Object.entries(query).filter(([name]) => name !== NAME))
    : { ...query, [NAME]: addressName };
}
