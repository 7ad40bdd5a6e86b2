import { AdminError } from '../admin/errors.ts';
import { setCommitted } from '../admin/group-offsets.ts';
import { committedOffsets, coordinatorOf, deleteGroup } from '../admin/groups.ts';
import { EARLIEST, LATEST, readOffsets } from '../admin/topics.ts';
import { confirmsName, escapeName } from '#shared/names';
import type { Payload, Results } from '#shared/ipc';
import { partitionLeaders } from './messages.ts';
import type { OpenConnection } from './open-connections.ts';
import { guarded, requireShownGroup } from './shown-subject.ts';
import { partitionKey } from '#shared/keys';

/** Changes of consumer groups: reset of committed offsets, and deletion. Their state is part of the cluster's view. */
export class GroupsService {
  async delete(connection: OpenConnection, { group, shown, typedName }: Payload<'group/delete'>): Promise<null> {
    if (!confirmsName(typedName, group))
      throw new AdminError({ code: 'INVALID_PAYLOAD', message: `Type ${escapeName(group)} to delete it.`, field: 'typedName' });
    const { foreground, monitor } = connection;
    await guarded(monitor, () => requireShownGroup(foreground, group, shown, 'deleted'));
    await deleteGroup(foreground, group);
    monitor.refresh();
    return null;
  }

  /** Sets all partitions of the topic or none: a member would start at auto.offset.reset where a committed offset is missing. */
  async reset(connection: OpenConnection, { group, shown, topic, to }: Payload<'group/reset'>): Promise<Results['group/reset']> {
    const { foreground, monitor } = connection;
    await guarded(monitor, () => requireShownGroup(foreground, group, shown, 'reset'));
    const { leaders, failed } = await partitionLeaders(foreground, topic, null);
    const keys = [...leaders.keys()].sort((a, b) => a - b).map((partition) => ({ topic, partition }));
    const byKey = new Map([...leaders].map(([partition, leader]) => [partitionKey(topic, partition), leader]));
    const [starts, ends, coordinator] = await Promise.all([
      readOffsets(foreground, byKey, keys, EARLIEST),
      readOffsets(foreground, byKey, keys, LATEST),
      coordinatorOf(foreground, group),
    ]);
    const targets = new Map<number, bigint>();
    for (const { partition } of keys) {
      const start = starts.get(partitionKey(topic, partition));
      const end = ends.get(partitionKey(topic, partition));
      if (start === undefined || end === undefined || 'error' in start || 'error' in end) failed.push({ partition, error: 'UNREACHABLE' });
      else targets.set(partition, target(to, start.offset, end.offset));
    }
    const [silent] = failed;
    if (silent !== undefined) {
      throw new AdminError({
        code: 'LEADER_NOT_AVAILABLE',
        message: `Offsets of ${group} were not reset: the start and end of ${topic}-${silent.partition} could not be read.`,
        advice: 'Try again once the partition has a leader.',
        subject: `${topic}-${silent.partition}`,
      });
    }
    const before = (await committedOffsets(foreground, [{ id: group, coordinator }])).get(group) ?? [];
    await setCommitted(foreground, group, topic, targets);
    monitor.refresh();
    return {
      partitions: [...targets].map(([partition, offset]) => {
        const from = before.find((one) => one.topic === topic && one.partition === partition)?.offset ?? null;
        return { partition, from: from === null ? null : `${from}`, to: `${offset}` };
      }),
    };
  }
}

/** An offset outside the log would be out of range at the next fetch: it is moved to the nearest valid one, as kafka-consumer-groups does. */
function target(to: Payload<'group/reset'>['to'], start: bigint, end: bigint): bigint {
  if (to.kind === 'earliest') return start;
  if (to.kind === 'latest') return end;
  const offset = BigInt(to.offset);
  return offset < start ? start : offset > end ? end : offset;
}
