/** What a series is about. */
export const CLUSTER_SUBJECT = 'cluster';

export function groupSubject(group: string): string {
  return `group:${group}`;
}

export type TopicDirection = 'written' | 'read';

/** Records per second by topic. */
export function topicRateSubject(direction: TopicDirection): string {
  return `topics:${direction}`;
}
