import { createRequire } from 'node:module';

export interface NativeModule<T> {
  readonly module: T | undefined;
  /** Why it could not be loaded. */
  readonly error: unknown;
}

/**
 * A package with a prebuilt native part, loaded when it is first needed: most nodes never need some of them. It may be missing on
 * a platform; its users then do without it, or report that. It never fails at import.
 */
export function loadNative<T>(name: string): NativeModule<T> {
  let loaded: NativeModule<T> | undefined;
  const load = (): NativeModule<T> => {
    try {
      return { module: createRequire(import.meta.url)(name) as T, error: undefined };
    } catch (error) {
      return { module: undefined, error };
    }
  };
  return {
    get module() {
      return (loaded ??= load()).module;
    },
    get error() {
      return (loaded ??= load()).error;
    },
  };
}
