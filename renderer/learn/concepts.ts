/** The pages of Learn in order: one line each. */
import { broker } from './broker.ts';
import { cluster } from './cluster.ts';
import type { Concept } from './concept.ts';
import { consumerGroups } from './consumer-groups.ts';
import { consumer } from './consumer.ts';
import { kafka } from './kafka.ts';
import { offset } from './offset.ts';
import { partitions } from './partitions.ts';
import { producer } from './producer.ts';
import { topic } from './topic.ts';
import { zookeeper } from './zookeeper.ts';
import { maxOf } from '#shared/lists';

const ALL: Concept[] = [kafka, producer, consumer, broker, cluster, topic, partitions, offset, consumerGroups, zookeeper];

export const CONCEPTS: readonly Concept[] = ALL.sort((a, b) => a.number - b.number);
/** Number of concepts without the overview. */
export const COUNTED = maxOf(CONCEPTS.map(({ number }) => number));

export const conceptOf = (id: string): Concept | null => CONCEPTS.find((concept) => concept.id === id) ?? null;

/** `1 of 9`; the overview has no number. */
export const placeOf = (concept: Concept): string => (concept.number === 0 ? 'overview' : `${concept.number} of ${COUNTED}`);
