/** Text about consumer groups. */
import { escapeName } from '#shared/names';
import type { GroupPartition, GroupRow, GroupState } from '#shared/models/cluster';
import { describeUnknown } from './lag.ts';
import { compareText, formatList, formatRanges, plural } from '../format/numbers.ts';
import type { Tone } from '../topics/replicas.ts';

/** From here on a lag is drawn amber: several hundred records behind is news, a handful is not. */
const NOTABLE_LAG = 500;
/** Named in one sentence. */
const MAX_TOPICS = 3;

export function lagTone(lag: number): 'accent' | 'warn' {
  return lag >= NOTABLE_LAG ? 'warn' : 'accent';
}

export const GROUP_STATE: Record<GroupState, { word: string; tone: Tone }> = {
  Stable: { word: 'Stable', tone: 'ok' },
  PreparingRebalance: { word: 'Rebalancing', tone: 'warn' },
  CompletingRebalance: { word: 'Rebalancing', tone: 'warn' },
  Assigning: { word: 'Assigning', tone: 'warn' },
  Reconciling: { word: 'Reconciling', tone: 'warn' },
  Empty: { word: 'Empty', tone: 'none' },
  Dead: { word: 'Dead', tone: 'bad' },
  Unknown: { word: 'Unknown', tone: 'none' },
};

/** A state that its coordinator cannot confirm is the last one that it reported, not that of the group. */
export const stateOf = ({ coordinator, state }: Pick<GroupRow, 'coordinator' | 'state'>): GroupState =>
  coordinator === null ? 'Unknown' : state;

const GROUP_ERRORS: ReadonlyMap<string, string> = new Map([
  ['COORDINATOR_NOT_AVAILABLE', 'coordinator not available'],
  ['COORDINATOR_LOAD_IN_PROGRESS', 'coordinator is loading the group'],
  ['NOT_COORDINATOR', 'coordinator has moved'],
  ['GROUP_AUTHORIZATION_FAILED', 'no permission to describe the group'],
  ['GROUP_ID_NOT_FOUND', 'group not found by its coordinator'],
]);

/** Of an error name of Kafka that has no text here: the name. */
export const describeGroupError = (error: string): string => GROUP_ERRORS.get(error) ?? error;

/** Why a group's lag is not known, in two words; null when nothing is in the way. */
export function groupTrouble(group: GroupRow): string | null {
  if (group.lag !== null) return null;
  if (group.coordinator === null) return 'coordinator unknown';
  if (group.error !== null) return describeGroupError(group.error);
  return group.partitions.length === 0 ? 'nothing committed' : 'not known';
}

/** What a group's lag leaves out; null when it leaves out nothing. */
export function lagLeavesOut(group: GroupRow): string | null {
  return group.lag === null || group.unknown === 0 ? null : describeUnknown(group.partitions);
}

/** The topics that it reads or has committed for, by name. */
export function topicsOf(group: GroupRow): string[] {
  return [...new Set(group.partitions.map((partition) => partition.topic))].sort(compareText);
}

/** Null where the coordinator has not answered, or does not answer now: the last list is not that of the group. */
export function membersOf(group: GroupRow): number | null {
  if (group.coordinator === null) return null;
  return group.members.length === 0 && group.state === 'Unknown' ? null : group.members.length;
}

/** `2 members`; `? members` where they are not known. */
export function describeMembers(group: GroupRow): string {
  const count = membersOf(group);
  return count === null ? '? members' : plural(count, 'member');
}

/**
 * Partitions with a committed offset, or of a topic that the group reads, that no member is assigned. Known of a stable consumer group with
 * members only: one without members has no assignment, one that rebalances has none yet, and of another protocol assignments are not read.
 */
export function partitionsWithoutMember(group: GroupRow): GroupPartition[] {
  if (stateOf(group) !== 'Stable' || group.protocolType !== 'consumer' || group.error !== null || group.members.length === 0) return [];
  return group.partitions.filter(({ memberId, absent }) => memberId === null && absent === null);
}

/** `3 partitions that no member reads`; null where there are none, or it is not known. */
export function countWithoutMember(group: GroupRow): string | null {
  const count = partitionsWithoutMember(group).length;
  return count === 0 ? null : `${plural(count, 'partition')} that no member reads`;
}

/** The same as a sentence that names them; null as above. */
export function describeWithoutMember(group: GroupRow): string | null {
  const count = countWithoutMember(group);
  if (count === null) return null;
  const byTopic = [...Map.groupBy(partitionsWithoutMember(group), ({ topic }) => topic)].sort(([a], [b]) => compareText(a, b));
  const topics = byTopic.map(([topic, list]) => `${escapeName(topic)} ${formatRanges(list.map(({ partition }) => partition))}`);
  const named = topics.length > MAX_TOPICS ? [...topics.slice(0, MAX_TOPICS), `${topics.length - MAX_TOPICS} more topics`] : topics;
  return `${count}: ${formatList(named)}. Subscribe a member to them, or delete the group's offsets of what it does not read.`;
}

/** `Broker 2 does not answer`. */
export const describeSilent = (brokers: readonly number[]): string =>
  brokers.length === 1 ? `Broker ${brokers[0]} does not answer` : `Brokers ${formatList(brokers.map(String))} do not answer`;
