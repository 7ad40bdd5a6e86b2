import { defineConfig } from 'vitest/config';

/** Suites that drive processes, browsers and real clients: one file at a time, with patience. `build/test.ts` names the directory. */
export default defineConfig({
  cacheDir: 'out/.vite',
  test: {
    include: ['**/*.test.ts'],
    fileParallelism: false,
    pool: 'forks',
    testTimeout: 300_000,
    hookTimeout: 120_000,
    teardownTimeout: 20_000,
  },
});
