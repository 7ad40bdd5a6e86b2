/**
 * Breaks a cluster at random through its control API, within what is promised.
 *
 * The promise (RF 3, min.insync.replicas 2, acks=all, unclean election off): what was acknowledged was in the ISR's logs, at least two of
 * them, though not on their platters. So anything may be done at once that leaves the logs what they are: stop, kill, freeze, cut and
 * slow links, slow and full disks, wrong clocks, of as many nodes as one likes. What destroys one replica (a power cut takes what was not
 * flushed, a flipped bit a batch) is done only when nothing else is in force and every partition has all its replicas in the ISR, at
 * every broker; and the next such only after that is so again. Clocks are no further off than 10 minutes, since brokers refuse
 * records whose time is an hour away from theirs.
 *
 * A fourth broker is added and removed meanwhile, whatever is in force; while it exists, partitions are reassigned to it. A removal
 * may fail under faults, with a reason; once everything is healed it must succeed.
 */
import { KafkaJSError } from 'kafkajs';
import { seededRandom } from '../../electron/cluster/lib/random.ts';
import type { Fault } from '../../shared/models/lab.ts';
import { later, type FaultBench } from './fault-bench.ts';

type FaultBody = { type: string } & Record<string, unknown>;

/** The voters; who is asked how things are. */
const NODES = [1, 2, 3];
const ADDED = 4;
const REPLICAS = 3;
const MOST_AT_ONCE = 4;
/** A removal gives up by itself when its moves make no progress for a minute. */
const REMOVAL_TIMEOUT_MS = 120_000;
/** What a membership change answers while faults keep it from ending. */
const REASONS =
  /REQUEST_TIMED_OUT|BROKER_UNREACHABLE|WRONG_STATE|NO_SUCH_NODE|NOT_CONTROLLER|INVALID_REPLICA_ASSIGNMENT|CLUSTER_UNREACHABLE/;

export interface ChaosReport {
  seed: number;
  /** How often each was injected. */
  injected: Record<string, number>;
  /** Brokers added, removed, and partitions reassigned to an added one. */
  membership: { added: number; removed: number; reassigned: number; refused: string[] };
  /** What the control API refused with anything but 404 or 409 (another call was first). */
  errors: string[];
}

export async function chaos(
  bench: FaultBench,
  topics: readonly string[],
  options: { seconds: number; seed: number },
): Promise<ChaosReport> {
  const random = seededRandom(options.seed);
  const pick = <T>(list: readonly T[]): T => list[random.int(list.length)] as T;
  const injected: Record<string, number> = {};
  const errors: string[] = [];
  const membership: ChaosReport['membership'] = { added: 0, removed: 0, reassigned: 0, refused: [] };
  const pending = new Set<Promise<void>>();
  /** A membership change is under way; there is one at a time. */
  const changes = { pending: false };

  /** Does not wait for the node: without a majority a single node does not become ready. */
  function attempt(action: () => Promise<unknown>): void {
    const done = action()
      .catch((error: unknown) => {
        const text = String(error);
        if (!/: (409|404) /.test(text)) errors.push(text);
      })
      .then(() => void pending.delete(done));
    pending.add(done);
  }

  async function inject(fault: FaultBody): Promise<Fault> {
    const one = await bench.inject(fault);
    injected[fault.type] = (injected[fault.type] ?? 0) + 1;
    return one;
  }

  /** Every partition has three in its ISR at every broker, and no reassignment is under way. */
  async function isWhole(): Promise<boolean> {
    try {
      const moving = await bench.admin.listPartitionReassignments({ timeout: 1_000 });
      if (moving.topics.length > 0) return false;
      const states = await Promise.all(NODES.map((node) => bench.partitionsAt(node, topics)));
      return states.flat().every(({ leader, isr }) => leader > 0 && isr.length === REPLICAS);
    } catch {
      // A broker that does not answer is none that is whole.
      return false;
    }
  }

  async function members(): Promise<number[]> {
    return (await bench.cluster.nodes()).map(({ id }) => id);
  }

  /** Adds the fourth broker, reassigns a partition to it, or removes it. */
  async function changeMembership(present: boolean): Promise<void> {
    changes.pending = true;
    try {
      if (!present) {
        await bench.cluster.control('POST', '/nodes', undefined, REMOVAL_TIMEOUT_MS);
        membership.added++;
      } else if (random.int(2) === 0) {
        const [other, third] = NODES.toSorted(() => random.int(3) - 1);
        const replicas = [ADDED, other, third] as number[];
        await bench.admin.alterPartitionReassignments({
          topics: [{ topic: pick(topics), partitionAssignment: [{ partition: 0, replicas }] }],
        });
        membership.reassigned++;
      } else {
        await removeAddedBroker();
      }
    } catch (error) {
      const text = String(error);
      if (REASONS.test(text) || error instanceof KafkaJSError) membership.refused.push(text.slice(0, 200));
      else errors.push(text);
    } finally {
      changes.pending = false;
    }
  }

  async function removeAddedBroker(): Promise<void> {
    await bench.cluster.control('DELETE', `/nodes/${ADDED}`, undefined, REMOVAL_TIMEOUT_MS);
    membership.removed++;
  }

  function harmless(nodes: readonly number[]): FaultBody {
    const node = pick(nodes);
    const other = pick(nodes.filter((id) => id !== node));
    const between = pick([[node, other], [node, other], [node, 'clients'] as const]);
    const direction = pick(['both', 'both', 'in', 'out']);
    return pick([
      { type: 'stop', node },
      { type: 'kill', node },
      { type: 'kill', node },
      { type: 'freeze', node },
      { type: 'freeze', node },
      { type: 'partition', between, direction },
      { type: 'partition', between, direction },
      { type: 'slowLink', between, direction, latencyMs: random.int(150), jitterMs: 50, bytesPerSecond: pick([0, 200_000]) },
      { type: 'slowDisk', node, latencyMs: 1 + random.int(100), bytesPerSecond: pick([0, 500_000]) },
      { type: 'fullDisk', node },
      { type: 'clockSkew', node, offsetMs: pick([-1, 1]) * (1 + random.int(600_000)) },
    ]);
  }

  /** Heals all and waits until nothing is in force and all is whole; false when that takes too long. */
  async function settled(): Promise<boolean> {
    attempt(() => bench.cluster.control('DELETE', '/faults'));
    await Promise.all(pending);
    const deadline = performance.now() + 15_000;
    while (performance.now() < deadline) {
      const faults = await bench.cluster.control<Fault[]>('GET', '/faults');
      if (faults.length === 0 && (await isWhole())) return true;
      await later(200);
    }
    return false;
  }

  /** Destroys one replica, restarts its node and waits until the cluster is whole. */
  async function destroyOneReplica(): Promise<void> {
    const topic = pick(topics);
    const [partition] = await bench.partitionsAt(pick(NODES), [topic]);
    const node = pick(partition?.isr ?? NODES);
    if (random.int(2) === 0) await inject({ type: 'powerCut', node });
    else {
      await inject({ type: 'kill', node });
      await inject({ type: 'corrupt', node, topic, partition: 0, where: 'tail' });
    }
    await later(500 + random.int(4_000));
    await bench.cluster.startNode(node);
    while (!(await isWhole()) && performance.now() < end + 30_000) await later(200);
  }

  const end = performance.now() + options.seconds * 1_000;
  while (performance.now() < end) {
    const faults = await bench.cluster.control<Fault[]>('GET', '/faults');
    if (random.int(10) === 0) {
      try {
        if (await settled()) await destroyOneReplica();
      } catch (error) {
        // The replica may have moved away since it was chosen: the broker that was asked can be behind.
        if (!/: 404 /.test(String(error))) errors.push(String(error));
      }
      // The corruption, which is gone with the truncation, is still in the list.
      attempt(() => bench.cluster.control('DELETE', '/faults'));
    } else if (faults.length >= MOST_AT_ONCE || (faults.length > 0 && random.int(3) === 0)) {
      const { id } = pick(faults);
      attempt(() => bench.cluster.control('DELETE', `/faults/${id}`));
    } else if (random.int(12) === 0) attempt(() => bench.cluster.control('DELETE', '/faults'));
    else if (!changes.pending && random.int(8) === 0) {
      const present = (await members()).includes(ADDED);
      attempt(() => changeMembership(present));
    } else {
      const nodes = await members();
      attempt(() => inject(harmless(nodes)));
    }
    await later(300 + random.int(2_000));
  }
  // What is still starting waits for nodes that are down, so these come up first.
  attempt(() => bench.cluster.control('DELETE', '/faults'));
  await Promise.all(pending);
  // A removal that was refused under faults is repeated without any.
  if ((await members()).includes(ADDED)) {
    await bench.heal();
    await removeAddedBroker();
  }
  return { seed: options.seed, injected, membership, errors };
}
