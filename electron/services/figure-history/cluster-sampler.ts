/** Figures of the whole cluster from its view, once a second. While the cluster does not answer nothing is sampled. */
import { assessBrokers, assessTopic, type BrokerFacts, isUnknown, leaderStateOf } from '#shared/health';
import type { ClusterView, TopicRow } from '#shared/models/cluster';
import { addSums } from '#shared/partial-sum';
import type { ClusterFigure, FigureSample } from '#shared/models/figures';
import type { TopicDirection } from './subjects.ts';
import { readCommittedOffsets, readEndOffsets, TopicRates } from './topic-rates.ts';

const EVERY_MS = 1_000;
/** Lag that was not read for longer, since no page shows it, is not of now. */
const STALE_MS = 10_000;

export class ClusterSampler {
  private readonly view: () => ClusterView;
  private readonly take: (at: number, figures: FigureSample[]) => void;
  private readonly takeTopics: (direction: TopicDirection, at: number, rates: FigureSample[]) => void;
  private readonly rates: readonly (readonly [TopicDirection, TopicRates])[] = [
    ['written', new TopicRates(readEndOffsets)],
    ['read', new TopicRates(readCommittedOffsets)],
  ];
  private readonly timer: NodeJS.Timeout;
  private lastAsOf = 0;

  constructor(
    view: () => ClusterView,
    take: (at: number, figures: FigureSample[]) => void,
    takeTopics: (direction: TopicDirection, at: number, rates: FigureSample[]) => void,
  ) {
    this.view = view;
    this.take = take;
    this.takeTopics = takeTopics;
    this.timer = setInterval(() => this.sample(), EVERY_MS);
    this.timer.unref();
  }

  close(): void {
    clearInterval(this.timer);
  }

  private sample(): void {
    const view = this.view();
    // No broker has answered since the last sample: what the view shows is not of now.
    if (view.asOf === this.lastAsOf) return;
    this.lastAsOf = view.asOf;
    this.take(view.asOf, clusterFigures(view));
    for (const [direction, rates] of this.rates) {
      const sample = rates.take(view);
      if (sample !== null) this.takeTopics(direction, sample.at, sample.values);
    }
  }
}

export function clusterFigures(view: ClusterView): FigureSample[] {
  const { inBytesPerSecond, outBytesPerSecond, recordsInPerSecond } = view.rates;
  const facts = assessBrokers(view.brokers);
  let offline = 0;
  let underReplicated = 0;
  for (const topic of view.topics) {
    const count = countPartitions(topic, facts);
    offline += count.offline;
    underReplicated += count.underReplicated;
  }
  const counted = (count: number): number | null => (isUnknown(facts) ? null : count);
  const exact = (name: ClusterFigure, value: number | null): FigureSample => ({ name, value, atLeast: false });
  return [
    exact('inBytesPerSecond', inBytesPerSecond),
    exact('outBytesPerSecond', outBytesPerSecond),
    // Measured over the topics that are read; of the cluster it is only while all of them are.
    exact('recordsInPerSecond', view.topics.every(({ offsetsAsOf }) => offsetsAsOf === null) ? recordsInPerSecond : null),
    exact('brokersOnline', view.brokers.filter(({ state }) => state === 'online').length),
    exact('offlinePartitions', counted(offline)),
    exact('underReplicatedPartitions', counted(underReplicated)),
    totalLag(view),
  ];
}

interface Counts {
  offline: number;
  underReplicated: number;
}

/** By row: a topic that did not change has the row that it had. `key`: of the facts that it was counted with. */
const countsOf = new WeakMap<TopicRow, { key: string; count: Counts }>();

/** As the pages count them: a leader that does not answer serves nothing. */
function countPartitions(topic: TopicRow, facts: BrokerFacts): Counts {
  const known = countsOf.get(topic);
  if (known?.key === facts.key) return known.count;
  const count = { offline: 0, underReplicated: 0 };
  for (const partition of assessTopic(topic, facts).partitions) {
    if (leaderStateOf(partition) !== 'serving') count.offline++;
    if (partition.isr.length < partition.replicas.length) count.underReplicated++;
  }
  countsOf.set(topic, { key: facts.key, count });
  return count;
}

/** Of all groups; a lower bound where some of it is unknown, and unknown where no group was read lately. */
function totalLag({ groups, asOf: now, groupsAsOf }: ClusterView): FigureSample {
  const isStale = now - groupsAsOf > STALE_MS;
  const { known, unknown } = addSums(
    groups.flatMap(({ lag, unknown: missing, error, asOf, partitions }) => {
      if (error !== null || asOf !== null) return [{ known: null, unknown: 1 }];
      return partitions.length === 0 ? [] : [{ known: lag === null ? null : BigInt(lag), unknown: missing }];
    }),
  );
  return { name: 'lag', value: isStale || known === null ? null : Number(known), atLeast: unknown > 0 };
}
