/** What there is to try on each page, by its concept: one line each. A component gets the page's `learn`. */
import type { Component } from 'vue';
import ClusterTry from './ClusterTry.vue';
import ConsumerTry from './ConsumerTry.vue';
import GroupsTry from './GroupsTry.vue';
import ProducerTry from './ProducerTry.vue';
import ZooKeeperTry from './ZooKeeperTry.vue';

export const TRIES: Readonly<Record<string, Component>> = {
  producer: ProducerTry,
  consumer: ConsumerTry,
  cluster: ClusterTry,
  'consumer-groups': GroupsTry,
  zookeeper: ZooKeeperTry,
};
