/** Valid topic names, and the internal topics of Kafka. */

export const OFFSETS_TOPIC = '__consumer_offsets';
export const TRANSACTION_TOPIC = '__transaction_state';
export const SHARE_GROUP_TOPIC = '__share_group_state';
export const METADATA_TOPIC = '__cluster_metadata';

const INTERNAL: ReadonlySet<string> = new Set([OFFSETS_TOPIC, TRANSACTION_TOPIC, SHARE_GROUP_TOPIC]);
const MAX_NAME_LENGTH = 249;

/** The client id whose produce requests may write to internal topics, as in Apache Kafka. */
export const ADMIN_CLIENT_ID = '__admin_client';

export function isInternalTopic(name: string): boolean {
  return INTERNAL.has(name);
}

/** Null when a topic may have this name, else a sentence with the reason. A name is also that of a directory, hence the rules. */
export function topicNameProblem(name: string): string | null {
  if (name === '') return 'A topic needs a name.';
  if (name === '.' || name === '..') return `"${name}" cannot be a topic's name.`;
  if (name.length > MAX_NAME_LENGTH) return `A topic name has at most ${MAX_NAME_LENGTH} characters; this one has ${name.length}.`;
  if (!/^[a-zA-Z0-9._-]+$/.test(name)) return "A topic's name is made of letters, digits, dots, dashes and underscores.";
  return null;
}
