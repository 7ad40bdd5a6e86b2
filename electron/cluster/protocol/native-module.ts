import { createRequire } from 'node:module';

export interface NativeModule<T> {
  readonly module: T | undefined;
  /** Why it could not be loaded. */
  readonly error: unknown;
}

/**
 * Loads a package with a prebuilt native part, which may be missing on a platform. What depends on it then does without, or
 * says that it cannot; it never takes the program down at import.
 */
export function loadNative<T>(name: string): NativeModule<T> {
  try {
    return { module: createRequire(import.meta.url)(name) as T, error: undefined };
  } catch (error) {
    return { module: undefined, error };
  }
}
