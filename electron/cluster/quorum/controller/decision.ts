/**
 * A decision of the controller: its records, the response once they are committed, and its timeline events. Decisions are pure: image and
 * request in, records out.
 */
import type { Decision as LogDecision } from '../../lib/decision.ts';
import type { NodeEvent } from '../../lib/events.ts';
import type { Random } from '../../lib/random.ts';
import { ErrorCode } from '../../protocol/error-codes.ts';
import { KafkaError } from '../../protocol/kafka-error.ts';
import type { MetadataRecordIn } from '../../protocol/records/metadata-records.ts';
import { authorizationError, type ItemRule } from '../../security/authorizer.ts';
import { topicSettings, type Properties, type TopicSettings } from '../config-definitions.ts';
import type { BrokerRegistration, MetadataImage } from '../image.ts';
import { MAX_METADATA_BATCH_BYTES } from '../raft-log.ts';

/** An event without its time; the controller adds it when the records are committed. */
export type ControllerEvent = Omit<NodeEvent, 'at'>;

export interface Decision<Response> extends LogDecision<MetadataRecordIn, Response> {
  /** Added to the timeline once the records are committed. */
  readonly events: readonly ControllerEvent[];
}

export interface DecisionContext {
  /** With all decisions of this controller, also uncommitted ones. */
  readonly image: MetadataImage;
  /** The nodes' own configuration, for defaults. */
  readonly properties: Properties;
  readonly random: Random;
  /** Offset of the first record of this decision. */
  readonly nextOffset: bigint;
  /** Whether the session that sent the request may do an operation on a resource of it. */
  allows(rule: ItemRule, name: string): boolean;
}

/** Throws the authorization error of the rule's resource. To be called before the existence of the resource is checked. */
export function requireAllowed(context: DecisionContext, rule: ItemRule, name: string): void {
  if (!context.allows(rule, name)) throw authorizationError(rule.resource);
}

/** It may lead partitions and be in ISRs. */
export function isActive(broker: BrokerRegistration | undefined): broker is BrokerRegistration {
  return broker !== undefined && !broker.fenced && !broker.inControlledShutdown;
}

/** The broker, if the request has the epoch of its registration; with STALE_BROKER_EPOCH the broker registers again (KIP-631). */
export function currentBroker(image: MetadataImage, id: number, epoch: bigint): BrokerRegistration {
  const broker = image.brokers.get(id);
  if (broker === undefined) {
    throw new KafkaError(ErrorCode.STALE_BROKER_EPOCH, `Broker ${id} is not registered; it has to register first.`);
  }
  if (broker.epoch !== epoch) {
    throw new KafkaError(
      ErrorCode.STALE_BROKER_EPOCH,
      `Broker ${id} is registered with epoch ${broker.epoch}, not ${epoch}; it has to register again.`,
    );
  }
  return broker;
}

/** `topicSettings`, computed once per topic within one decision. */
export function settingsCache(image: MetadataImage, properties: Properties): (topic: string) => TopicSettings {
  const known = new Map<string, TopicSettings>();
  return (topic) => {
    let settings = known.get(topic);
    if (settings === undefined) known.set(topic, (settings = topicSettings(image, topic, properties)));
    return settings;
  };
}

/** Half of what nodes decode of one batch, and less than the limit of a fetch: a larger batch would never commit. */
const MAX_DECISION_BYTES = MAX_METADATA_BATCH_BYTES / 2;

/** Throws `KafkaError` RECORD_LIST_TOO_LARGE. */
export function refuseOversized(values: readonly Uint8Array[]): void {
  const bytes = values.reduce((sum, value) => sum + value.length, 0);
  if (bytes <= MAX_DECISION_BYTES) return;
  const message = `The change was not made: its records have ${bytes} bytes, and the maximum is ${MAX_DECISION_BYTES}. Split the request.`;
  throw new KafkaError(ErrorCode.RECORD_LIST_TOO_LARGE, message);
}
