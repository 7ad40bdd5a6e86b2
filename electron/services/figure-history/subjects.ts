/** What a series is about. */
export const CLUSTER_SUBJECT = 'cluster';

export function groupSubject(group: string): string {
  return `group:${group}`;
}
