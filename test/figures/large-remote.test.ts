/**
 * Processor time of the main process while an Overview page shows a remote cluster of 50,000 partitions and 2,000 groups in which little changes.
 * It is time of the process, not of the wall, so that what else the machine does adds little, and a slower machine has a higher bar. The embedded
 * cluster runs in the same process: its idle time counts as well.
 */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ClusterPatch } from '../../shared/ipc.ts';
import type { GroupRow, TopicRow } from '../../shared/models/cluster.ts';
import { RemoteLargeCluster } from '../helpers/remote-large-cluster.ts';
import { later } from '../helpers/fault-bench.ts';
import { measureSlowness } from '../helpers/reference-work.ts';
import { WebClient } from '../helpers/web-client.ts';
import { WebProcess } from '../helpers/web-process.ts';

const TOPICS = 5_000;
const PARTITIONS = 10;
const GROUPS = 2_000;
const TOPICS_PER_GROUP = 5;
/** Topics that receive records, and groups that read them and commit. As many others read them and do not commit. */
const ACTIVE_TOPICS = 20;
const ACTIVE_GROUPS = 4;
const SECONDS = Number(process.env['BROKERDESK_JUDGE_SECONDS'] ?? 24);
const MAX_CORES = 0.25;

let cluster: RemoteLargeCluster;
let web: WebProcess;
let page: WebClient;
/** The bar on this machine, cores. */
let maxCores = MAX_CORES;

beforeAll(async () => {
  maxCores *= measureSlowness();
  cluster = await RemoteLargeCluster.start({
    brokers: 3,
    topics: TOPICS,
    partitionsPerTopic: PARTITIONS,
    groups: GROUPS,
    topicsPerGroup: TOPICS_PER_GROUP,
    activeTopics: ACTIVE_TOPICS,
    activeGroups: ACTIVE_GROUPS,
  });
  web = await WebProcess.start({ brokers: 1 });
  page = await WebClient.open(web.line);
  const { addedId } = await page.ask('connection/add', { name: 'Large', bootstrap: cluster.bootstrap, colour: 'bad' });
  page.connectionId = addedId;
  await page.ask('connection/use', { id: addedId });
}, 120_000);
afterAll(async () => {
  page.close();
  expect(await web.stop()).toBe(0);
  await cluster.stop();
  expect(web.stderr).not.toMatch(/Uncaught|unhandled/i);
});

/** Seconds of processor time that a process and its threads have used. */
function processorSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const [user, system] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13);
  return (Number(user) + Number(system)) / CLOCK_TICKS;
}
/** USER_HZ: 100 on every Linux that Node runs on. */
const CLOCK_TICKS = 100;

/** Of one core, that the main process uses from now on for `SECONDS`. */
async function processorShare(): Promise<number> {
  const startedAt = performance.now();
  const before = processorSeconds(web.pid);
  await later(SECONDS * 1_000);
  return (processorSeconds(web.pid) - before) / ((performance.now() - startedAt) / 1_000);
}

test(`watches ${TOPICS * PARTITIONS} partitions and ${GROUPS} groups with less than ${MAX_CORES} of a core`, async () => {
  const patches: ClusterPatch[] = [];
  const rows = { topics: new Set<string>(), groups: new Set<string>() };
  const take = (topics: readonly TopicRow[], groups: readonly GroupRow[]): void => {
    for (const { name, records, sizeBytes, cleanupPolicy } of topics)
      if (records !== null && sizeBytes !== null && cleanupPolicy !== null) rows.topics.add(name);
      else rows.topics.delete(name);
    for (const { id, lag, unknown } of groups)
      if (lag !== null && unknown === 0) rows.groups.add(id);
      else rows.groups.delete(id);
  };
  let version = 0;
  page.on('cluster/patched', (patch) => {
    patches.push(patch);
    take(patch.topics.set, patch.groups.set);
    // The server drops patches where this process does not keep up.
    if (patch.base !== version) void page.ask('cluster/view', {}).then(({ view }) => take(view.topics, view.groups));
    version = patch.version;
  });
  await page.ask('cluster/watch', { topics: 'all', groups: 'all' });
  await expect
    .poll(() => [page.isOpen, rows.topics.size, rows.groups.size], { timeout: 180_000, interval: 500 })
    .toEqual([true, TOPICS, GROUPS]);
  console.log(`${(page.patchBytes / 1e6).toFixed(1)} MB of patches until every row was read`);

  const timer = setInterval(() => cluster.write(1n), 1_000);
  // The first rounds fill caches; the compiler has seen the hot functions after them.
  await later(5_000);
  cluster.resetRequests();
  patches.length = 0;
  page.patchBytes = 0;
  let cores = await processorShare();
  // What else the machine does can only add: of two windows the smaller share is the cluster's.
  if (cores >= maxCores) cores = Math.min(cores, await processorShare());
  clearInterval(timer);

  const requests = await cluster.requests();
  const topics = new Set(patches.flatMap(({ topics: { set } }) => set.map(({ name }) => name)));
  const groups = new Set(patches.flatMap(({ groups: { set } }) => set.map(({ id }) => id)));
  // As they would be if each row that differs were sent whole.
  const wholeBytes = patches.reduce((sum, patch) => sum + JSON.stringify(patch).length, 0);
  const [sentKb, wholeKb] = [page.patchBytes, wholeBytes].map((bytes) => (bytes / patches.length / 1_000).toFixed(1));
  console.log(
    `${(cores * 100).toFixed(1)} % of a core, the bar is ${(maxCores * 100).toFixed(1)}; ${patches.length} patches of ${sentKb} kB ` +
      `(${wholeKb} kB with whole rows) with ` +
      `${topics.size} topics and ${groups.size} groups; requests ${JSON.stringify(Object.fromEntries(requests))}`,
  );
  // Only what changed is sent, and what changed is.
  expect(topics.size).toBe(ACTIVE_TOPICS);
  expect(groups.size).toBe(2 * ACTIVE_GROUPS);
  expect(page.patchBytes).toBeLessThan(wholeBytes / 2);
  expect(patches.flatMap(({ topics: { removed } }) => removed)).toEqual([]);
  for (const name of ['Metadata', 'ListOffsets', 'OffsetFetch', 'DescribeGroups']) expect(requests.get(name), name).toBeGreaterThan(1);
  expect(cores).toBeLessThan(maxCores);
}, 400_000);
