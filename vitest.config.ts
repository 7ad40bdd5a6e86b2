import vue from '@vitejs/plugin-vue';
import { defineConfig } from 'vitest/config';
import { EXCEPTIONS, LIVE, SHARING } from './build/unit-projects.ts';

export default defineConfig({
  plugins: [vue()],
  cacheDir: 'out/.vite',
  test: {
    pool: 'threads',
    // What a test waits for comes late on a loaded machine; the default of a second is for machines that do nothing else.
    expect: { poll: { timeout: 30_000 } },
    maxWorkers: 2,
    // A list that lacks something is shown whole: it may not be seen a second time.
    chaiConfig: { truncateThreshold: 2_000 },
    // The first test of a file pays for the compilation of every page that it opens, at low priority beside the live suites.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    projects: [
      { extends: true, test: { name: 'sharing', include: [...SHARING], exclude: [...EXCEPTIONS], isolate: false } },
      { extends: true, test: { name: 'exceptions', include: [...EXCEPTIONS] } },
      { extends: true, test: { name: 'isolated', include: ['test/**/*.test.ts'], exclude: [...LIVE, ...SHARING] } },
    ],
  },
});
