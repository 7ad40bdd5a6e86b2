/**
 * Describes why a payload does not match its schema, with the labels of the screen. Names of channels and texts of the schema library are
 * never shown.
 */
import type * as z from 'zod';

type Issue = z.core.$ZodIssue;

/** Labels of fields that are not shown under their name. */
const LABELS: ReadonlyMap<string, string> = new Map([
  ['acks', 'acks'],
  ['before', 'offset'],
  ['bindHost', 'bind address'],
  ['bootstrap', 'bootstrap servers'],
  ['bytesPerSecond', 'bandwidth'],
  ['configs', 'settings'],
  ['connectionId', 'connection'],
  ['crashEveryMs', 'crash interval'],
  ['distinct', 'distinct keys'],
  ['from', 'start'],
  ['id', 'id'],
  ['jitterMs', 'jitter'],
  ['latencyMs', 'latency'],
  ['node', 'broker'],
  ['offsetMs', 'clock skew'],
  ['perRecordMs', 'processing time per record'],
  ['places', 'offsets'],
  ['sessionTimeoutMs', 'session timeout'],
  ['shown', 'shown state'],
  ['timeoutMs', 'timeout'],
  ['timestamp', 'time'],
  ['total', 'number of partitions'],
  ['valueBytes', 'value size'],
]);
/** Parts of a value that share the label of the value. */
const UNLABELLED = new Set(['text', 'encoding', 'kind']);
/** Types of the schema library, in plain words. */
const FORMS: ReadonlyMap<string, string> = new Map([
  ['array', 'a list'],
  ['bigint', 'a whole number'],
  ['boolean', 'true or false'],
  ['int', 'a whole number'],
  ['null', 'empty'],
  ['number', 'a number'],
  ['object', 'a set of fields'],
  ['record', 'a set of fields'],
  ['string', 'text'],
]);

/** `Replication factor must be at most 32,767`; without a field, of the request as a whole. */
export function describePayloadProblem(issue: Issue | undefined): { text: string; field: string } {
  if (issue === undefined) return { text: 'The request is not valid', field: '' };
  const label = describePath(issue.path);
  return {
    text: `${label} ${requirementOf(issue)}`,
    field: issue.path.map(String).join('.'),
  };
}

/** Formats a path: `headers, entry 4, value`. Names of settings are not changed. */
function describePath(path: readonly PropertyKey[]): string {
  const labels = path.flatMap((part, index) => {
    if (typeof part === 'number') return [`entry ${part + 1}`];
    const name = String(part);
    if (UNLABELLED.has(name) && index > 0) return [];
    if (name === 'configs' && index < path.length - 1) return [];
    if (path[index - 1] === 'configs') return [name];
    return [LABELS.get(name) ?? name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)];
  });
  const [first = 'the request', ...rest] = labels;
  // The case of a setting name is significant.
  const head = first.includes('.') ? first : `${first.charAt(0).toUpperCase()}${first.slice(1)}`;
  return [head, ...rest].join(', ');
}

function requirementOf(issue: Issue): string {
  switch (issue.code) {
    case 'too_small':
      return `must ${amount(issue.origin, issue.inclusive === false ? 'more than' : 'at least', issue.minimum)}`;
    case 'too_big':
      return `must ${amount(issue.origin, issue.inclusive === false ? 'less than' : 'at most', issue.maximum)}`;
    case 'invalid_type':
      return `must be ${FORMS.get(issue.expected) ?? 'of another type'}`;
    case 'invalid_value':
      return 'is not one of the allowed values';
    case 'unrecognized_keys':
      return 'has unknown fields';
    case 'custom':
      return issue.message;
    case 'invalid_format':
      // A pattern with a message of the app; other messages are those of the schema library.
      return issue.message.startsWith('Invalid ') ? 'is not valid' : issue.message;
    default:
      return 'is not valid';
  }
}

function amount(origin: string, bound: string, limit: number | bigint): string {
  const count = new Intl.NumberFormat('en').format(limit);
  if (origin === 'string') return `have ${bound} ${count} ${limit === 1 ? 'character' : 'characters'}`;
  if (origin === 'array') return `have ${bound} ${count} ${limit === 1 ? 'entry' : 'entries'}`;
  return `be ${bound} ${count}`;
}
