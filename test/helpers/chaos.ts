/**
 * Breaks a cluster at random through its control API, within what is promised.
 *
 * The promise (RF 3, min.insync.replicas 2, acks=all, unclean election off): what was acknowledged was in the ISR's logs, at least two of
 * them, though not on their platters. So anything may be done at once that leaves the logs what they are: stop, kill, freeze, cut and
 * slow links, slow and full disks, wrong clocks, of as many nodes as one likes. What destroys one copy (a power cut takes what was not
 * flushed, a flipped bit a batch) is done only when nothing else is in force and every partition has all its replicas in the ISR, at
 * every broker; and the next such only after that is so again. Clocks are no further off than 10 minutes, since brokers refuse
 * records whose time is an hour away from theirs.
 */
import { seededRandom } from '../../electron/cluster/lib/random.ts';
import type { Fault } from '../../shared/models/lab.ts';
import { later, type FaultBench } from './fault-bench.ts';

type FaultBody = { type: string } & Record<string, unknown>;

const NODES = [1, 2, 3];
const MOST_AT_ONCE = 4;

export interface ChaosReport {
  seed: number;
  /** How often each was injected. */
  injected: Record<string, number>;
  /** What the control API refused with anything but 409 (somebody else had just done it). */
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
  const underWay = new Set<Promise<void>>();

  /** Goes on without waiting: of a majority that is down, none comes up alone. */
  function attempt(action: () => Promise<unknown>): void {
    const done = action()
      .catch((error: unknown) => {
        const text = String(error);
        if (!/: (409|404) /.test(text)) errors.push(text);
      })
      .then(() => void underWay.delete(done));
    underWay.add(done);
  }

  async function inject(fault: FaultBody): Promise<Fault> {
    const one = await bench.inject(fault);
    injected[fault.type] = (injected[fault.type] ?? 0) + 1;
    return one;
  }

  /** Every partition with three in its ISR, and every broker knows it. */
  async function isWhole(): Promise<boolean> {
    try {
      const states = await Promise.all(NODES.map((node) => bench.partitionsAt(node, topics)));
      return states.flat().every(({ leader, isr }) => leader > 0 && isr.length === NODES.length);
    } catch {
      // A broker that does not answer is none that is whole.
      return false;
    }
  }

  function harmless(): FaultBody {
    const node = pick(NODES);
    const other = pick(NODES.filter((id) => id !== node));
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

  /** One copy is destroyed, the node that held it comes back, and all is waited for. */
  async function destroyOneCopy(): Promise<void> {
    const node = pick(NODES);
    if (random.int(2) === 0) await inject({ type: 'powerCut', node });
    else {
      await inject({ type: 'kill', node });
      await inject({ type: 'corrupt', node, topic: pick(topics), partition: 0, where: 'tail' });
    }
    await later(500 + random.int(4_000));
    await bench.cluster.startNode(node);
    while (!(await isWhole()) && performance.now() < end + 30_000) await later(200);
  }

  const end = performance.now() + options.seconds * 1_000;
  while (performance.now() < end) {
    const faults = await bench.cluster.control<Fault[]>('GET', '/faults');
    if (faults.length === 0 && random.int(3) === 0 && (await isWhole())) {
      try {
        await destroyOneCopy();
      } catch (error) {
        errors.push(String(error));
      }
      // The corruption, which is gone with the truncation, is still in the list.
      attempt(() => bench.cluster.control('DELETE', '/faults'));
    } else if (faults.length >= MOST_AT_ONCE || (faults.length > 0 && random.int(3) === 0)) {
      const { id } = pick(faults);
      attempt(() => bench.cluster.control('DELETE', `/faults/${id}`));
    } else if (random.int(12) === 0) attempt(() => bench.cluster.control('DELETE', '/faults'));
    else attempt(() => inject(harmless()));
    await later(300 + random.int(2_000));
  }
  // What is still starting waits for nodes that are down, so these come up first.
  attempt(() => bench.cluster.control('DELETE', '/faults'));
  await Promise.all(underWay);
  return { seed: options.seed, injected, errors };
}
