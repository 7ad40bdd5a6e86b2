import vue from '@vitejs/plugin-vue';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  plugins: [vue()],
  cacheDir: 'out/.vite',
  test: {
    include: ['test/**/*.test.ts'],
    // These drive processes, browsers or real clients; build/test.ts runs them one after another.
    exclude: [
      'test/simulation/**',
      'test/clients/**',
      'test/e2e/**',
      'test/kafka/**',
      'test/heavy/**',
      'test/figures/**',
      'test/faults/**',
      'test/scenarios/live/**',
      'test/electron/**',
      'test/bench/**',
      'node_modules/**',
    ],
    pool: 'threads',
    // What a test waits for comes late on a loaded machine; the default of a second is for machines that do nothing else.
    expect: { poll: { timeout: 30_000 } },
    maxWorkers: 2,
    // A list that lacks something is shown whole: it may not be seen a second time.
    chaiConfig: { truncateThreshold: 2_000 },
    // The first test of a file pays for the compilation of every page that it opens, at low priority beside the live suites.
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
