/** Kafka's rules for topic names and counts, said so that a form can show them as one types. */

export interface RuleViolation {
  message: string;
  /** Names that would be accepted. */
  suggestions: string[];
}

const LEGAL = /^[a-zA-Z0-9._-]+$/;
export const MAX_TOPIC_NAME = 249;

/** Topics that brokers keep their own state in. They refuse produce requests of clients. */
const INTERNAL_TOPICS: ReadonlySet<string> = new Set(['__consumer_offsets', '__transaction_state', '__share_group_state']);

/** Null where clients may write to the topic, else a sentence that says why not. */
export function checkProducible(topic: string): string | null {
  return INTERNAL_TOPICS.has(topic) ? `Topic ${topic} is internal: only brokers write to it.` : null;
}

/** Null when the name is legal and free. `existing` are the names of the cluster's topics. */
export function checkTopicName(name: string, existing: Iterable<string>): RuleViolation | null {
  if (name.length === 0) return { message: 'A topic needs a name.', suggestions: [] };
  if (name === '.' || name === '..') return { message: `"${name}" is reserved by file systems.`, suggestions: [] };
  if (name.length > MAX_TOPIC_NAME) {
    return { message: `${name.length} characters; ${MAX_TOPIC_NAME} are the most.`, suggestions: [name.slice(0, MAX_TOPIC_NAME)] };
  }
  if (!LEGAL.test(name)) return illegalCharacter(name);
  const collision = name.replaceAll('.', '_');
  for (const other of existing) {
    if (other === name) return { message: 'A topic of that name exists.', suggestions: [`${name}-2`] };
    if (other.replaceAll('.', '_') === collision) {
      return { message: `Too close to ${other}: in metric names a dot and an underscore are the same.`, suggestions: [`${name}-2`] };
    }
  }
  return null;
}

function illegalCharacter(name: string): RuleViolation {
  const bad = /[^a-zA-Z0-9._-]/u.exec(name)?.[0] ?? ' ';
  const plain = name
    .trim()
    .normalize('NFKD')
    .replace(/[\u0300-\u036f]/g, '');
  const suggestions = [...new Set(['-', '.'].map((join) => plain.replace(/[^a-zA-Z0-9._-]+/g, join)))].filter(
    (candidate) => LEGAL.test(candidate) && !/^[.-]*$/.test(candidate),
  );
  const what = bad === ' ' ? 'A space' : `"${bad}"`;
  return { message: `${what} is not allowed. Letters, digits, ".", "_" and "-" are.`, suggestions };
}
