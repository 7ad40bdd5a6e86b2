/** Text of the reasons on the timeline. */
import { memberName } from './classic-member.ts';

/** Names in a list before only a count follows. */
const NAMED = 3;
/** Maximum length of a client's reason; Kafka's clients send no more (KIP-800). */
const REASON_LENGTH = 255;

/** `10.0 s` */
export function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}

/** `; reason: …` with a reason of the client, else empty. */
export function clientReason(reason: string | null): string {
  return reason === null || reason === '' ? '' : `; reason: ${reason.slice(0, REASON_LENGTH)}`;
}

/** `member a`, `members a and b`, `members a, b, c and 4 more` */
export function membersByName(members: readonly Parameters<typeof memberName>[0][]): string {
  const names = members.map(memberName);
  if (names.length === 1) return `member ${names.join()}`;
  const shown = names.length > NAMED ? [...names.slice(0, NAMED), `${names.length - NAMED} more`] : names;
  return `members ${shown.slice(0, -1).join(', ')} and ${shown.slice(-1).join()}`;
}
