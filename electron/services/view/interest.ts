/** What the pages of a cluster show: the topics whose offsets, and the groups whose offsets and members, are read each round. */
export interface Interest {
  readonly topics: 'none' | 'all' | readonly string[];
  readonly groups: 'none' | 'all' | readonly string[];
}

export const EVERYTHING: Interest = { topics: 'all', groups: 'all' };
export const NOTHING: Interest = { topics: 'none', groups: 'none' };

/** What all of them show together. */
export function unionOf(interests: Iterable<Interest>): Interest {
  let union = NOTHING;
  for (const { topics, groups } of interests) union = { topics: join(union.topics, topics), groups: join(union.groups, groups) };
  return union;
}

/** Groups that some client shows by their id, not among all. */
export function groupsShownAlone(interests: Iterable<Interest>): string[] {
  return [...new Set([...interests].flatMap(({ groups }) => (typeof groups === 'string' ? [] : groups)))];
}

function join(a: Interest['topics'], b: Interest['topics']): Interest['topics'] {
  if (a === 'all' || b === 'all') return 'all';
  if (a === 'none') return b;
  if (b === 'none') return a;
  return [...new Set([...a, ...b])];
}
