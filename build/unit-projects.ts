/**
 * Which files of unit tests share their workers, for `vitest.config.ts`. A worker for each file costs 0.2 s of processor time, half of
 * what the tests of these directories take, so files that leave nothing behind run one after another in the same worker.
 */

/** Suites of processes, browsers and real clients: `vitest.live.config.ts` runs them. */
export const LIVE: readonly string[] = [
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
];

/** Directories whose tests get clocks, disks, networks and randomness passed in, and replace nothing global. */
export const SHARING: readonly string[] = [
  'cluster',
  'shared',
  'renderer/{charts,connections,diagrams,faults,format,groups,health,incidents,lab,learn,loads}',
  'renderer/{matrix,messages,scenarios,tables,timeline,topics,tour,zookeeper}',
].map((directory) => `test/${directory}/**/*.test.ts`);

/** Files in these directories that need a worker of their own. */
export const EXCEPTIONS: readonly string[] = [
  // Sets TMPDIR of the process.
  'test/cluster/cluster-directory.test.ts',
  // Measure memory, of which buffers of earlier files would be freed meanwhile.
  'test/cluster/log/decompressed-memory.test.ts',
  'test/cluster/protocol/hostile.test.ts',
  // Has a document.
  'test/renderer/format/addresses.test.ts',
];
