/** States of a cluster for the diagrams: three brokers, learn-orders in three partitions, with parts replaced as a test needs. */
import type { BrokerRow, PartitionRow, TopicRow } from '../../../shared/models/cluster.ts';
import { LEARN_TOPIC, type LearnState, type SentRecord } from '../../../renderer/learn/concept.ts';

export function brokerRow(id: number, more: Partial<BrokerRow> = {}): BrokerRow {
  return {
    id,
    host: '127.0.0.1',
    port: 9091 + id,
    rack: null,
    state: 'online',
    since: 1_000,
    isController: id === 1,
    quorumRole: id === 1 ? 'leader' : 'follower',
    leaders: 1,
    replicas: 3,
    inSync: 3,
    sessionAgeMs: 400,
    sessionTimeoutMs: 3_000,
    logBytes: '12000',
    disk: null,
    lab: { port: 9091 + id, controllerPort: 9191 + id, running: true, memoryBytes: null },
    ...more,
  };
}

export function partitionRow(partition: number, more: Partial<PartitionRow> = {}): PartitionRow {
  const leader = (partition % 3) + 1;
  return {
    partition,
    leader,
    leaderEpoch: 4,
    replicas: [1, 2, 3].map((broker) => ({ broker, state: broker === leader ? 'leader' : 'inSync' })),
    isr: [1, 2, 3],
    startOffset: '0',
    endOffset: `${10 + partition}`,
    sizeBytes: '4000',
    error: null,
    ...more,
  };
}

export function topicRow(more: Partial<TopicRow> = {}): TopicRow {
  return {
    name: LEARN_TOPIC,
    id: null,
    internal: false,
    replicationFactor: 3,
    partitions: [0, 1, 2].map((partition) => partitionRow(partition)),
    cleanupPolicy: 'delete',
    minInsyncReplicas: 2,
    records: '33',
    sizeBytes: '12000',
    recordsEstimated: false,
    offsetsAsOf: null,
    ...more,
  };
}

let next = 1;
export function sentRecord(more: Partial<SentRecord> = {}): SentRecord {
  return {
    n: next++,
    at: 5_000,
    topic: LEARN_TOPIC,
    key: 'customer-17',
    value: 'paid 20',
    acks: -1,
    idempotent: false,
    partition: 1,
    offset: '10',
    partitions: 3,
    leader: 2,
    isr: [1, 2, 3],
    tookMs: 12,
    error: null,
    ...more,
  };
}

export function learnState(more: Partial<LearnState> = {}): LearnState {
  const topic = more.topic === undefined ? topicRow() : more.topic;
  return {
    embedded: true,
    connection: 'Embedded cluster',
    clusterId: 'abc<&>"def',
    controllerId: 1,
    topic,
    own: topic?.name === LEARN_TOPIC,
    topics: topic === null ? [] : [topic],
    brokers: [1, 2, 3].map((id) => brokerRow(id)),
    groups: [],
    quorum: null,
    faults: [],
    loads: [],
    events: [],
    history: [],
    coordination: null,
    readRates: new Map(),
    sent: [],
    reads: [],
    topicsBefore: new Set(),
    lagPeaks: new Map(),
    znodes: new Map(),
    rates: new Map(),
    flows: new Map(),
    picked: {},
    asOf: 1_700_000_000_000,
    ...more,
  };
}
