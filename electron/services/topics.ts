import { isLeaderUnknown } from '../admin/cluster-client.ts';
import { brokerConfigs, setTopicConfigs, topicConfigs } from '../admin/configs.ts';
import { deleteRecordsBefore } from '../admin/delete-records.ts';
import { electPreferred } from '../admin/elections.ts';
import { AdminError } from '../admin/errors.ts';
import { createTopic, deleteTopic, growTopic } from '../admin/topics.ts';
import { confirmsName, escapeName } from '#shared/names';
import { checkTopicName } from '#shared/topic-rules';
import type { Payload, Results } from '#shared/ipc';
import type { OpenConnection } from './open-connections.ts';
import { placePartitions } from './placement.ts';
import { guarded, requireShownTopic, topicChanged } from './shown-subject.ts';

/** More would only be refused by the cluster, after a long wait. */
const MOST_PARTITIONS = 10_000;

/** Creates, grows, deletes and configures topics, deletes their oldest records, and elects their preferred leaders. */
export class TopicsService {
  async create(connection: OpenConnection, input: Payload<'topic/create'>): Promise<Results['topic/create']> {
    const { foreground, monitor } = connection;
    const { view } = monitor.snapshot();
    const violation = checkTopicName(
      input.name,
      view.topics.map(({ name }) => name),
    );
    if (violation !== null) {
      throw new AdminError({
        code: 'INVALID_TOPIC_EXCEPTION',
        message: violation.message,
        field: 'name',
        ...(violation.suggestions.length === 0 ? {} : { advice: `Try ${violation.suggestions.join(' or ')}.` }),
      });
    }
    if (input.partitions < 1 || input.partitions > MOST_PARTITIONS) {
      throw new AdminError({
        code: 'INVALID_PARTITIONS',
        message: `A topic has 1 to ${MOST_PARTITIONS.toLocaleString('en')} partitions here.`,
        field: 'partitions',
      });
    }
    // Racks are the cluster's business: where there are any, it places the replicas itself.
    const racked = view.brokers.some(({ rack }) => rack !== null);
    const assignments = racked
      ? null
      : placePartitions(
          view.brokers.map(({ id, state }) => ({ id, up: state === 'online' })),
          input.partitions,
          input.replicationFactor,
          input.name,
        );
    await createTopic(foreground, {
      name: input.name,
      partitions: input.partitions,
      replicationFactor: input.replicationFactor,
      assignments,
      configs: input.configs,
      validateOnly: input.validateOnly,
    });
    if (!input.validateOnly) monitor.refresh();
    return { assignments: assignments ?? [] };
  }

  async delete(connection: OpenConnection, { name, topicId, typedName }: Payload<'topic/delete'>): Promise<null> {
    if (!confirmsName(typedName, name)) {
      throw new AdminError({ code: 'INVALID_PAYLOAD', message: `Type ${escapeName(name)} to delete it.`, field: 'typedName' });
    }
    const { foreground, monitor } = connection;
    await guarded(monitor, () => requireShownTopic(foreground, name, topicId, 'deleted'));
    try {
      await deleteTopic(foreground, name, topicId);
    } catch (error) {
      if (error instanceof AdminError && error.app.code === 'UNKNOWN_TOPIC_ID') throw topicChanged(name, 'deleted');
      throw error;
    }
    monitor.refresh();
    return null;
  }

  async addPartitions(connection: OpenConnection, { name, topicId, total }: Payload<'topic/addPartitions'>): Promise<null> {
    const { foreground, monitor } = connection;
    if (total < 1 || total > MOST_PARTITIONS) {
      throw new AdminError({
        code: 'INVALID_PARTITIONS',
        message: `Topic ${name} was not changed: a topic has 1 to ${MOST_PARTITIONS.toLocaleString('en')} partitions here.`,
        field: 'total',
        subject: name,
      });
    }
    await guarded(monitor, () => requireShownTopic(foreground, name, topicId, 'changed'));
    await growTopic(foreground, name, total);
    monitor.refresh();
    return null;
  }

  async deleteRecords(
    connection: OpenConnection,
    { name, topicId, places }: Payload<'topic/deleteRecords'>,
  ): Promise<Results['topic/deleteRecords']> {
    const { foreground, monitor } = connection;
    await guarded(monitor, () => requireShownTopic(foreground, name, topicId, 'changed'));
    const before = new Map(places.map((one) => [one.partition, BigInt(one.before)]));
    const deleted = await deleteRecordsBefore(foreground, name, before);
    monitor.refresh();
    return {
      partitions: [...deleted]
        .map(([partition, one]) => ({
          partition,
          startOffset: 'error' in one ? null : `${one.startOffset}`,
          error: 'error' in one ? one.error.app : null,
        }))
        .sort((a, b) => a.partition - b.partition),
    };
  }

  async electPreferred(connection: OpenConnection, { name }: Payload<'topic/electPreferred'>): Promise<Results['topic/electPreferred']> {
    const { foreground, monitor } = connection;
    const meta = await foreground.metadata([name]);
    const before = meta.topics.find((topic) => topic.name === name)?.partitions ?? [];
    if (before.length === 0)
      throw new AdminError({ code: 'UNKNOWN_TOPIC_OR_PARTITION', message: `There is no topic ${name}.`, subject: name });
    const failed = await electPreferred(
      foreground,
      name,
      before.map(({ partitionIndex }) => partitionIndex),
    );
    monitor.refresh();
    return {
      partitions: before
        .map((row) => {
          const { partitionIndex: partition, replicaNodes } = row;
          const from = isLeaderUnknown(row) ? null : row.leaderId;
          const error = failed.get(partition);
          return { partition, from, to: error === undefined ? (replicaNodes[0] ?? null) : from, error: error?.app.message ?? null };
        })
        .sort((a, b) => a.partition - b.partition),
    };
  }

  async configs(connection: OpenConnection, { name }: Payload<'topic/configs'>): Promise<Results['topic/configs']> {
    return { entries: await topicConfigs(connection.foreground, name) };
  }

  async setConfigs(connection: OpenConnection, { name, topicId, configs }: Payload<'topic/setConfigs'>): Promise<null> {
    const { foreground, monitor } = connection;
    await guarded(monitor, () => requireShownTopic(foreground, name, topicId, 'changed'));
    await setTopicConfigs(foreground, name, configs);
    monitor.refresh();
    return null;
  }

  async brokerConfigs(connection: OpenConnection, { broker }: Payload<'broker/configs'>): Promise<Results['broker/configs']> {
    const { foreground } = connection;
    await foreground.metadata([]);
    return { entries: await brokerConfigs(foreground, broker) };
  }
}
