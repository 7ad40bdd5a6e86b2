import type { deleteTopics as api } from '../../protocol/apis/delete-topics.ts';
import { ErrorCode } from '../../protocol/error-codes.ts';
import type { MetadataRecordIn } from '../../protocol/records/metadata-records.ts';
import type { RequestOf, ResponseIn } from '../../protocol/schema.ts';
import { ZERO_UUID } from '../../protocol/uuid.ts';
import { authorizationError, Operation, Resource, type ItemRule } from '../../security/authorizer.ts';
import { brokerSettings } from '../config-definitions.ts';
import type { ControllerEvent, Decision, DecisionContext } from './decision.ts';

type Request = RequestOf<typeof api>;
type Result = ResponseIn<typeof api>['responses'][number];

export const DELETE_TOPIC: ItemRule = { operation: Operation.DELETE, resource: Resource.TOPIC };
export const DESCRIBE_TOPIC: ItemRule = { operation: Operation.DESCRIBE, resource: Resource.TOPIC };

/** Deletes topics and their settings, by name or (v6) by id. */
export function deleteTopics(context: DecisionContext, request: Request): Decision<ResponseIn<typeof api>> {
  const { image, properties } = context;
  const asked = [...request.topics, ...request.topicNames.map((name) => ({ name, topicId: ZERO_UUID }))];
  const enabled = brokerSettings(properties).deleteTopicEnable;
  const records: MetadataRecordIn[] = [];
  const events: ControllerEvent[] = [];
  const gone = new Set<string>();
  const responses = asked.map(({ name, topicId }): Result => {
    const byId = topicId !== ZERO_UUID;
    const refuse = (errorCode: number, errorMessage: string): Result => ({ name, topicId, errorCode, errorMessage });
    if (byId && name !== null) return refuse(ErrorCode.INVALID_REQUEST, 'Name a topic by its name or by its id, not by both.');
    if (!byId && name === null) return refuse(ErrorCode.INVALID_REQUEST, 'The request names a topic neither by name nor by id.');
    const topic = byId ? image.topicsById.get(topicId) : image.topics.get(name ?? '');
    if (byId && topic === undefined) return refuse(ErrorCode.UNKNOWN_TOPIC_ID, `There is no topic with id ${topicId}.`);
    const wanted = topic?.name ?? name ?? '';
    // The name of a topic that was requested by its id is revealed only to a session that may describe it.
    const described = context.allows(DESCRIBE_TOPIC, wanted);
    if (!described || (topic !== undefined && !context.allows(DELETE_TOPIC, wanted))) {
      const { code, message } = authorizationError(Resource.TOPIC);
      return { name: byId && described ? wanted : name, topicId, errorCode: code, errorMessage: message };
    }
    if (topic === undefined) return refuse(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, `There is no topic named ${name}.`);
    if (!enabled) return refuse(ErrorCode.TOPIC_DELETION_DISABLED, 'Topics cannot be deleted: delete.topic.enable is false.');
    if (gone.has(topic.id)) return refuse(ErrorCode.INVALID_REQUEST, `The request names topic ${topic.name} twice.`);
    gone.add(topic.id);
    records.push({ type: 'RemoveTopicRecord', value: { topicId: topic.id } });
    events.push({
      type: 'topic/deleted',
      topic: topic.name,
      reason: 'DeleteTopics request',
      details: { partitions: topic.partitions.length },
    });
    return { name: topic.name, topicId: topic.id, errorCode: ErrorCode.NONE };
  });
  return { records, response: { responses }, events };
}
