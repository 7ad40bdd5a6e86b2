/**
 * Addresses of pages about a topic or a group. A path has no empty segment, and a name that is `.`, `..` or ill-formed Unicode cannot stand in
 * one as it is, so the empty name is `~`, and a name that begins with `~` has one more in front.
 */
const EMPTY = '~';
/** As one character each: with the flag `u` the pair of a whole character is none. */
const LONE_SURROGATES = /\p{Surrogate}/gu;

/** One segment of a path, encoded. Lone surrogates, which cannot be encoded, become U+FFFD. */
export function encodeName(name: string): string {
  if (name === '') return EMPTY;
  const encoded = encodeURIComponent((name.startsWith(EMPTY) ? `${EMPTY}${name}` : name).replace(LONE_SURROGATES, '\uFFFD'));
  return encoded === '.' || encoded === '..' ? encoded.replaceAll('.', '%2E') : encoded;
}

/** The name of a segment that the router has decoded. */
export function decodeName(segment: string): string {
  if (segment === EMPTY) return '';
  return segment.startsWith(EMPTY) ? segment.slice(EMPTY.length) : segment;
}

export type TopicTab = 'messages' | 'partitions' | 'consumers' | 'settings';

export function topicPath(name: string, tab?: TopicTab): string {
  return `/topics/${encodeName(name)}${tab === undefined ? '' : `/${tab}`}`;
}

export function groupPath(id: string): string {
  return `/groups/${encodeName(id)}`;
}
