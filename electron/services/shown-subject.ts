/**
 * A change is refused when its subject is not what was shown when the change was prepared. Each check is a read of the cluster at
 * the time of the request, never of the view, which may be a round old.
 */
import type { ClusterClient } from '../admin/cluster-client.ts';
import { AdminError } from '../admin/errors.ts';
import { describeGroup } from '../admin/groups.ts';
import { ZERO_TOPIC_ID } from '../admin/topics.ts';
import type { Payload } from '#shared/ipc';

/** `action`: in the past tense, what does not happen then ("deleted"). */
export async function requireShownTopic(client: ClusterClient, name: string, shownId: string | null, action: string): Promise<void> {
  const { topics } = await client.metadata([name]);
  const found = topics.find((topic) => topic.name === name);
  if (found === undefined || (found.errorCode !== 0 && found.partitions.length === 0)) {
    throw new AdminError({
      code: 'UNKNOWN_TOPIC_OR_PARTITION',
      message: `Topic ${name} was not ${action}: the cluster has no topic of that name.`,
      advice: 'Reload the list of topics.',
      subject: name,
    });
  }
  const presentId = found.topicId === ZERO_TOPIC_ID ? null : found.topicId;
  if (presentId !== shownId) throw topicChanged(name, action);
}

export function topicChanged(name: string, action: string): AdminError {
  return new AdminError({
    code: 'SUBJECT_CHANGED',
    message: `Topic ${name} was not ${action}: it is not the topic that was shown, which was deleted and created again.`,
    advice: 'Close this, look at the present topic, then repeat it if it is still meant.',
    subject: name,
  });
}

/** `action`: in the past tense, what does not happen then ("deleted"). */
export async function requireShownGroup(
  client: ClusterClient,
  group: string,
  shown: Payload<'group/delete'>['shown'],
  action: string,
): Promise<void> {
  const present = await describeGroup(client, group);
  if (present === null) {
    throw new AdminError({
      code: 'GROUP_ID_NOT_FOUND',
      message: `Group ${group} was not ${action}: the cluster has no group of that name.`,
      advice: 'Reload the list of groups.',
      subject: group,
    });
  }
  if (present.state === shown.state && present.members.length === shown.members) return;
  const describe = (state: string, members: number): string => `${state} with ${members} ${members === 1 ? 'member' : 'members'}`;
  throw new AdminError({
    code: 'SUBJECT_CHANGED',
    message:
      `Group ${group} was not ${action}: it was shown as ${describe(shown.state, shown.members)}, ` +
      `and is ${describe(present.state, present.members.length)} now.`,
    advice: 'Close this, look at the group as it is now, then repeat it if it is still meant.',
    subject: group,
  });
}

/** Runs a check; when it refuses, the view is read again at once, since it showed something else. */
export async function guarded(monitor: { refresh: () => void }, check: () => Promise<void>): Promise<void> {
  try {
    await check();
  } catch (error) {
    monitor.refresh();
    throw error;
  }
}
