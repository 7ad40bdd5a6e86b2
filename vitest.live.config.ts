import { defineConfig } from 'vitest/config';

/** Suites that drive processes, browsers and real clients: one file at a time, with patience. `build/test.ts` names the directory. */
export default defineConfig({
  cacheDir: 'out/.vite',
  test: {
    include: ['**/*.test.ts'],
    fileParallelism: false,
    pool: 'forks',
    // A list that lacks something is shown whole: it may not be seen a second time.
    chaiConfig: { truncateThreshold: 2_000 },
    testTimeout: 300_000,
    hookTimeout: 120_000,
    teardownTimeout: 20_000,
  },
});
