/** The words of reasons that people read on the timeline. */
import { memberName } from './classic-member.ts';

/** Names before a list says only how many more there are. */
const NAMED = 3;
/** What of a client's own reason is kept; Kafka's clients send no more (KIP-800). */
const REASON_LENGTH = 255;

/** `10.0 s` */
export function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}

/** `; it says: …` when a client gave a reason of its own, else nothing. */
export function clientReason(reason: string | null): string {
  return reason === null || reason === '' ? '' : `; it says: ${reason.slice(0, REASON_LENGTH)}`;
}

/** `member a`, `members a and b`, `members a, b, c and 4 more` */
export function membersByName(members: readonly Parameters<typeof memberName>[0][]): string {
  const names = members.map(memberName);
  if (names.length === 1) return `member ${names.join()}`;
  const shown = names.length > NAMED ? [...names.slice(0, NAMED), `${names.length - NAMED} more`] : names;
  return `members ${shown.slice(0, -1).join(', ')} and ${shown.slice(-1).join()}`;
}
