/** The connection of this window or tab, and the scope of all that is shown of it. */
import { computed, onScopeDispose } from 'vue';
import { useRouter } from 'vue-router';
import type { AppError } from '#shared/errors';
import { openScope, provideScope } from '../scope.ts';
import { useConnectionsStore } from '../stores/connections.ts';
import { usePreferencesStore } from '../stores/preferences.ts';
import { useConnectionAddress } from './useConnectionAddress.ts';

/** Starts what does not depend on the selected connection. `key` changes with the connection: what is shown is then set up again. */
export function useConnection() {
  const connection = useConnectionsStore();
  const stops = [usePreferencesStore().start(), useConnectionAddress(useRouter()), connection.start()];
  onScopeDispose(() => stops.forEach((stop) => stop()));
  const known = computed(
    () => connection.ready || connection.error !== null || connection.link === 'lost' || connection.link === 'refused',
  );
  const key = computed(() => connection.active?.id ?? '');
  return { known, key };
}

/** Opens the scope of the selected connection for the components below. */
export function useConnectionScope(): void {
  const { active, activeId, removed, activeName } = useConnectionsStore();
  const gone: AppError = {
    code: 'NOT_FOUND',
    message: activeName === null ? `No connection is named ${activeId}.` : `The connection ${activeName} was removed.`,
    advice: 'Select another one on the Connections page.',
  };
  provideScope(removed ? openScope(null, gone) : openScope(active));
}
