/** Why a payload does not fit its schema, as a sentence for a person. */
import type * as z from 'zod';

type Issue = z.core.$ZodIssue;

/** `from.timestamp must be at least 0`; without a field, of the payload as a whole. */
export function describePayloadProblem(issue: Issue | undefined): { text: string; field: string } {
  if (issue === undefined) return { text: 'the payload does not fit', field: '' };
  const field = issue.path.map(String).join('.');
  return { text: `${field === '' ? 'the payload' : field} ${requirementOf(issue)}`, field };
}

function requirementOf(issue: Issue): string {
  switch (issue.code) {
    case 'too_small':
      return `must ${amount(issue.origin, issue.inclusive === false ? 'more than' : 'at least', issue.minimum)}`;
    case 'too_big':
      return `must ${amount(issue.origin, issue.inclusive === false ? 'less than' : 'at most', issue.maximum)}`;
    case 'invalid_type':
      return `must be ${article(issue.expected)}`;
    case 'invalid_value':
      return `must be one of ${issue.values.map(String).join(', ')}`;
    case 'unrecognized_keys':
      return `has unknown keys: ${issue.keys.slice(0, 5).join(', ')}`;
    case 'invalid_union':
      return 'fits none of the forms that are allowed';
    default:
      return issue.message;
  }
}

function amount(origin: string, bound: string, limit: number | bigint): string {
  const count = new Intl.NumberFormat('en').format(limit);
  if (origin === 'string') return `have ${bound} ${count} ${limit === 1 ? 'character' : 'characters'}`;
  if (origin === 'array') return `have ${bound} ${count} ${limit === 1 ? 'entry' : 'entries'}`;
  return `be ${bound} ${count}`;
}

function article(expected: string): string {
  if (expected === 'int') return 'a whole number';
  return /^[aeiou]/.test(expected) ? `an ${expected}` : `a ${expected}`;
}
