/** The parts of a page of Learn: data and pure functions of the cluster's state. One file per concept; `concepts.ts` lists them. */
import type { BrokerRow, GroupRow, PartitionRow, QuorumView, TopicRow } from '#shared/models/cluster';
import type { ZooKeeperClients } from '#shared/models/zookeeper-clients';
import type { Fault, FaultSpec, Znode } from '#shared/models/lab';
import type { LoadRow } from '#shared/models/load';
import type { TimelineEvent } from '#shared/models/timeline';
import { topicPath as pathOfTopic } from '../format/addresses.ts';
import type { Diagram } from '../diagrams/diagram.ts';

/** The topic and the group that the pages create. */
export const LEARN_TOPIC = 'learn-orders';
export const LEARN_GROUP = 'learn-readers';
export const LEARN_PARTITIONS = 3;

/** A record that the user sent, with its result. */
export interface SentRecord {
  /** Increases by one with every record of this window. */
  n: number;
  at: number;
  topic: string;
  key: string | null;
  value: string;
  acks: -1 | 0 | 1;
  /** Sent by an idempotent producer. */
  idempotent: boolean;
  /** Null: not acknowledged, or sent with acks=0. */
  partition: number | null;
  offset: string | null;
  /** How many partitions the topic had when it was acknowledged. */
  partitions: number;
  /** The leader that acknowledged the record; null like `partition`. */
  leader: number | null;
  /** The ISR at the time of the acknowledgement; null when unknown. */
  isr: readonly number[] | null;
  /** From the send to the acknowledgement. */
  tookMs: number;
  error: string | null;
}

/** A record that was read again by its offset. */
export interface ReadBack {
  n: number;
  at: number;
  topic: string;
  partition: number;
  offset: string;
  key: string | null;
  value: string;
  timestamp: number | null;
}

/** The state that a page draws and checks. Rows are from the last poll; unknown values are null. */
export interface LearnState {
  /** The embedded cluster, into which faults can be injected. */
  embedded: boolean;
  connection: string;
  clusterId: string | null;
  controllerId: number | null;
  /** `learn-orders`, or the first other topic of a cluster without it; null without topics. */
  topic: TopicRow | null;
  /** Whether `topic` is the topic of these pages. */
  own: boolean;
  topics: readonly TopicRow[];
  brokers: readonly BrokerRow[];
  groups: readonly GroupRow[];
  quorum: QuorumView | null;
  faults: readonly Fault[];
  loads: readonly LoadRow[];
  /** Events since the first page was opened in this window, oldest first. Of the embedded cluster only. */
  events: readonly TimelineEvent[];
  /** All events of this window, including those before the page was opened. */
  history: readonly TimelineEvent[];
  /** Records that the user sent from these pages, oldest first. */
  sent: readonly SentRecord[];
  /** Records that the user read again, oldest first. */
  reads: readonly ReadBack[];
  /** The topics that existed when the first page was opened; null: unknown. */
  topicsBefore: ReadonlySet<string> | null;
  /** The largest observed lag of each group since then. */
  lagPeaks: ReadonlyMap<string, bigint>;
  /** ZooKeeper nodes that the page has read, by path; null: the node does not exist. */
  znodes: ReadonlyMap<string, Znode | null>;
  /** The app's ZooKeeper sessions; null when unknown. */
  coordination: ZooKeeperClients | null;
  /** Measured rate of appended records per second, by `topic-partition`. */
  rates: ReadonlyMap<string, number>;
  /** Measured rate of committed records per second, by `group/topic-partition`. */
  readRates: ReadonlyMap<string, number>;
  /** Measured records per second, by `from>to` as in the lab: `clients>1`, `1>2`. */
  flows: ReadonlyMap<string, number>;
  /** Selections of the user on the page: `partition`, `broker` … */
  picked: Readonly<Record<string, number | string>>;
  /** Wall-clock ms of the last response. */
  asOf: number;
}

export interface Setting {
  name: string;
  /** The scope of the setting. Client settings have the values of the app's client. */
  of: 'topic' | 'broker' | 'client';
  value?: string;
  /** The effect of the setting, as a noun phrase or clause. */
  says: string;
}

export interface Outage {
  /** Stable key of the button: `kill-2`. */
  key: string;
  label: string;
  danger: boolean;
  /** A fault to inject, the id of a fault to heal, or a node to start. */
  act: { inject: FaultSpec } | { heal: number } | { start: number };
}

export interface Concept {
  id: string;
  title: string;
  /** 0 is the overview (Kafka); the others are 1 to 9. */
  number: number;
  /** For the list of concepts. */
  line: string;
  /** Whether the page offers to create the topic of these pages. Absent: when the topic does not exist. */
  wantsTopic?: (state: LearnState) => boolean;
  /** Paragraphs with `**bold**` and `` `code` ``. */
  what: readonly string[];
  promises: readonly string[];
  settings: readonly Setting[];
  /** Failures, described for the current state of the cluster. */
  wrong: (state: LearnState) => readonly string[];
  outages: (state: LearnState) => readonly Outage[];
  check: {
    task: string;
    /** A sentence about the completed check; null before. */
    done: (state: LearnState) => string | null;
  };
  /** Pages of the app with more about the concept. */
  links: (state: LearnState) => readonly { label: string; to: string }[];
  diagram: (state: LearnState, width: number) => Diagram;
}

export const partitionOf = (state: LearnState, partition: number | null): PartitionRow | null =>
  state.topic?.partitions.find((row) => row.partition === partition) ?? null;

/** The last record that was sent to the shown topic; null without one. */
export const lastSent = (state: LearnState): SentRecord | null =>
  state.sent.filter(({ topic }) => topic === state.topic?.name).at(-1) ?? null;

export const topicPath = (state: LearnState, tab: 'messages' | 'partitions' | 'consumers' | 'settings'): string =>
  state.topic === null ? '/topics' : pathOfTopic(state.topic.name, tab);
