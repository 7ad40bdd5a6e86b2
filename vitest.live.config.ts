import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

/**
 * Suites that drive processes, browsers and real clients. `build/test.ts` names the directory, and says where several files run
 * at a time; each file starts what it needs on ports of its own (`test/helpers/ports.ts`).
 */
export default defineConfig({
  cacheDir: 'out/.vite',
  test: {
    include: ['**/*.test.ts'],
    globalSetup: [join(import.meta.dirname, 'test/helpers/prepare.ts')],
    fileParallelism: false,
    // Of tests that say that they are concurrent.
    maxConcurrency: 2,
    pool: 'forks',
    // A list that lacks something is shown whole: it may not be seen a second time.
    chaiConfig: { truncateThreshold: 2_000 },
    // What a test waits for comes late on a loaded machine; the default of a second is for machines that do nothing else.
    expect: { poll: { timeout: 15_000 } },
    testTimeout: 300_000,
    hookTimeout: 120_000,
    teardownTimeout: 20_000,
  },
});
