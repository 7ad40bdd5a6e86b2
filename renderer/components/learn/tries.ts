/** What there is to try on each page, by its concept: one line each. A component gets the page's `learn`. */
import type { Component } from 'vue';
import BrokerTry from './BrokerTry.vue';
import KafkaTry from './KafkaTry.vue';
import OffsetTry from './OffsetTry.vue';
import PartitionsTry from './PartitionsTry.vue';
import ProducerTry from './ProducerTry.vue';
import TopicTry from './TopicTry.vue';

export const TRIES: Readonly<Record<string, Component>> = {
  kafka: KafkaTry,
  producer: ProducerTry,
  broker: BrokerTry,
  topic: TopicTry,
  partitions: PartitionsTry,
  offset: OffsetTry,
};
