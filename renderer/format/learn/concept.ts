/** What a page of Learn is made of: plain data and pure functions of the cluster's state. One file a concept; `concepts.ts` lists them. */
import type { BrokerRow, GroupRow, PartitionRow, QuorumView, TopicRow } from '#shared/models/cluster';
import type { CoordinationClients } from '#shared/models/coordination';
import type { Fault, FaultSpec, Znode } from '#shared/models/lab';
import type { LoadRow } from '#shared/models/load';
import type { TimelineEvent } from '#shared/models/timeline';
import { topicPath as pathOfTopic } from '../addresses.ts';
import type { Diagram } from '../diagram.ts';

/** The topic and the group that the pages make for themselves. */
export const LEARN_TOPIC = 'learn-orders';
export const LEARN_GROUP = 'learn-readers';
export const LEARN_PARTITIONS = 3;

/** A record that the reader sent, and what came of it. */
export interface SentRecord {
  /** Grows by one with every record of this window. */
  n: number;
  at: number;
  topic: string;
  key: string | null;
  value: string;
  acks: -1 | 0 | 1;
  /** By a producer that numbers its batches. */
  idempotent: boolean;
  /** Null: not acknowledged, or with acks=0 not told. */
  partition: number | null;
  offset: string | null;
  /** How many partitions the topic had when it was acknowledged. */
  partitions: number;
  /** Who took it; null as `partition`. */
  leader: number | null;
  /** Null: not known of that leader's time. */
  isr: readonly number[] | null;
  /** From the send to the acknowledgement. */
  tookMs: number;
  error: string | null;
}

/** A record that was read again by its place. */
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

/** Everything that a page may draw or judge from. Rows are the cluster's, as last heard; what is not known is null. */
export interface LearnState {
  /** The cluster of this desk: it may be broken. */
  embedded: boolean;
  connection: string;
  clusterId: string | null;
  controllerId: number | null;
  /** `learn-orders`; on a cluster without it, the first topic of its own that can be shown instead; null: none. */
  topic: TopicRow | null;
  /** Whether that is the topic made for these pages. */
  own: boolean;
  topics: readonly TopicRow[];
  brokers: readonly BrokerRow[];
  groups: readonly GroupRow[];
  quorum: QuorumView | null;
  faults: readonly Fault[];
  loads: readonly LoadRow[];
  /** Recorded events since the first page was opened in this window; the oldest first. Of the cluster of this desk only. */
  events: readonly TimelineEvent[];
  /** All that is recorded and kept in this window, from before the page was opened too. */
  history: readonly TimelineEvent[];
  /** What the reader sent from these pages, the oldest first. */
  sent: readonly SentRecord[];
  /** What the reader read again, the oldest first. */
  reads: readonly ReadBack[];
  /** The topics that were there when the first page was opened; null: not known yet. */
  topicsBefore: ReadonlySet<string> | null;
  /** The largest lag of each group that was seen since then. */
  lagPeaks: ReadonlyMap<string, bigint>;
  /** Nodes of the coordination tree that the page asked for, by path; null: there is none. */
  znodes: ReadonlyMap<string, Znode | null>;
  /** The app's own ZooKeeper sessions; null where they are not known. */
  coordination: CoordinationClients | null;
  /** Records a second that were measured: appended, by `topic-partition`. */
  rates: ReadonlyMap<string, number>;
  /** Records a second that groups were seen to commit, by `group/topic-partition`. */
  readRates: ReadonlyMap<string, number>;
  /** Records a second that were measured, by `from>to` as in the lab: `clients>1`, `1>2`. */
  flows: ReadonlyMap<string, number>;
  /** Of what the reader picked on the page: `partition`, `broker` … */
  picked: Readonly<Record<string, number | string>>;
  /** Wall-clock ms of the last answer. */
  asOf: number;
}

export interface Setting {
  name: string;
  /** Whose it is. The value of a client's setting is what the client of this app uses. */
  of: 'topic' | 'broker' | 'client';
  value?: string;
  /** What it decides, in one clause. */
  says: string;
}

export interface Outage {
  /** Stable while it is the same button: `kill-2`. */
  key: string;
  label: string;
  danger: boolean;
  /** A fault to inject, or the id of one to end, or a node to start. */
  act: { inject: FaultSpec } | { heal: number } | { start: number };
}

export interface Concept {
  id: string;
  title: string;
  /** 0 is Kafka, the roof; the others are 1 to 9. */
  number: number;
  /** For the list of all. */
  line: string;
  /** Whether the page is offered the topic of these pages now. Absent: it works with it, and is where it is missing. */
  wantsTopic?: (state: LearnState) => boolean;
  /** Paragraphs; `**bold**` and `` `code` `` are drawn as such. */
  what: readonly string[];
  promises: readonly string[];
  settings: readonly Setting[];
  /** What goes wrong, said of the cluster as it stands. */
  wrong: (state: LearnState) => readonly string[];
  outages: (state: LearnState) => readonly Outage[];
  check: {
    task: string;
    /** The sentence that says what was done; null as long as it is not. */
    done: (state: LearnState) => string | null;
  };
  /** Where the same is seen at work. */
  links: (state: LearnState) => readonly { label: string; to: string }[];
  diagram: (state: LearnState, width: number) => Diagram;
}

export const partitionOf = (state: LearnState, partition: number | null): PartitionRow | null =>
  state.topic?.partitions.find((row) => row.partition === partition) ?? null;

/** The last record that went to the topic shown; null when none did. */
export const lastSent = (state: LearnState): SentRecord | null =>
  state.sent.filter(({ topic }) => topic === state.topic?.name).at(-1) ?? null;

export const topicPath = (state: LearnState, tab: 'messages' | 'partitions' | 'consumers' | 'settings'): string =>
  state.topic === null ? '/topics' : pathOfTopic(state.topic.name, tab);
