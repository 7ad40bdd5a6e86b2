const MAX_NAME_LENGTH = 249;

/** Why the name is invalid for a topic, or null. Topics become directories and metrics; Kafka's rules follow from both. */
export function topicNameDefect(name: string): string | null {
  if (name === '') return 'A topic needs a name.';
  if (name === '.' || name === '..') return `"${name}" cannot be a topic's name; add a letter or a digit.`;
  if (name.length > MAX_NAME_LENGTH) return `The name has ${name.length} characters, the maximum is ${MAX_NAME_LENGTH}; shorten it.`;
  const bad = /[^a-zA-Z0-9._-]/.exec(name);
  if (bad !== null) {
    const what = bad[0] === ' ' ? 'A space' : `"${bad[0]}"`;
    return `${what} is not allowed in a topic's name; use letters, digits, ".", "_" and "-".`;
  }
  if (name === '__cluster_metadata') return `${name} is the log of the metadata itself; choose another name.`;
  return null;
}

/** Names that differ only in "." and "_" would share their metrics. Undefined for a name that collides with none. */
export function collidingName(name: string, existing: Iterable<string>): string | undefined {
  const folded = name.replaceAll('.', '_');
  for (const other of existing) if (other !== name && other.replaceAll('.', '_') === folded) return other;
  return undefined;
}
