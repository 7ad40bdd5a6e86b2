/** The component with the actions of each concept: one line each. */
import type { Component } from 'vue';
import BrokerTry from './BrokerTry.vue';
import ClusterTry from './ClusterTry.vue';
import ConsumerTry from './ConsumerTry.vue';
import GroupsTry from './GroupsTry.vue';
import KafkaTry from './KafkaTry.vue';
import OffsetTry from './OffsetTry.vue';
import PartitionsTry from './PartitionsTry.vue';
import ProducerTry from './ProducerTry.vue';
import TopicTry from './TopicTry.vue';
import ZooKeeperTry from './ZooKeeperTry.vue';

export const TRIES: ReadonlyMap<string, Component> = new Map<string, Component>(
  Object.entries({
    kafka: KafkaTry,
    producer: ProducerTry,
    consumer: ConsumerTry,
    broker: BrokerTry,
    cluster: ClusterTry,
    topic: TopicTry,
    partitions: PartitionsTry,
    offset: OffsetTry,
    'consumer-groups': GroupsTry,
    zookeeper: ZooKeeperTry,
  }),
);
