/** The pages of Learn, in their order: one line each. */
import { cluster } from './cluster.ts';
import type { Concept } from './concept.ts';
import { consumerGroups } from './consumer-groups.ts';
import { consumer } from './consumer.ts';
import { producer } from './producer.ts';
import { zookeeper } from './zookeeper.ts';

const ALL: Concept[] = [producer, consumer, cluster, consumerGroups, zookeeper];

export const CONCEPTS: readonly Concept[] = ALL.sort((a, b) => a.number - b.number);
/** Kafka itself is the roof over the others, and is not counted. */
export const COUNTED = CONCEPTS.filter(({ number }) => number > 0).length;

export const conceptOf = (id: string): Concept | null => CONCEPTS.find((concept) => concept.id === id) ?? null;

/** `1 of 9`; the roof has no number. */
export const placeOf = (concept: Concept): string => (concept.number === 0 ? 'the whole' : `${concept.number} of ${COUNTED}`);
