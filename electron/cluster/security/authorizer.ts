/**
 * Decides which operations a session may do on which resources (KIP-11, KIP-504). Operations and resource types have the codes of Apache
 * Kafka's ACLs.
 */
import { ErrorCode } from '../protocol/error-codes.ts';
import { KafkaError } from '../protocol/kafka-error.ts';
import type { Session } from './session.ts';

export const Operation = {
  READ: 3,
  WRITE: 4,
  CREATE: 5,
  DELETE: 6,
  ALTER: 7,
  DESCRIBE: 8,
  CLUSTER_ACTION: 9,
  DESCRIBE_CONFIGS: 10,
  ALTER_CONFIGS: 11,
  IDEMPOTENT_WRITE: 12,
} as const;
export type Operation = (typeof Operation)[keyof typeof Operation];

export const Resource = { TOPIC: 2, GROUP: 3, CLUSTER: 4, TRANSACTIONAL_ID: 5 } as const;
export type Resource = (typeof Resource)[keyof typeof Resource];

/** The name of the one resource of type CLUSTER. */
export const CLUSTER_NAME = 'kafka-cluster';

export interface Authorizer {
  authorize(session: Session, operation: Operation, resource: Resource, name: string): boolean;
  /** Whether the session may do the operation on at least one resource of the type (KIP-679). */
  authorizeAny(session: Session, operation: Operation, resource: Resource): boolean;
}

/** A cluster without `authorizer.class.name`. */
export const ALLOW_ALL: Authorizer = { authorize: () => true, authorizeAny: () => true };

/** An operation on each of the resources that a request names. */
export interface ItemRule {
  readonly operation: Operation;
  readonly resource: Resource;
  /** A session that may do this operation on the cluster may do `operation` on every resource. */
  readonly orOnCluster?: Operation;
}

export function isAllowed(authorizer: Authorizer, session: Session, rule: ItemRule, name: string): boolean {
  if (authorizer.authorize(session, rule.operation, rule.resource, name)) return true;
  return rule.orOnCluster !== undefined && authorizer.authorize(session, rule.orOnCluster, Resource.CLUSTER, CLUSTER_NAME);
}

const FAILURES: Readonly<Record<Resource, number>> = {
  [Resource.TOPIC]: ErrorCode.TOPIC_AUTHORIZATION_FAILED,
  [Resource.GROUP]: ErrorCode.GROUP_AUTHORIZATION_FAILED,
  [Resource.CLUSTER]: ErrorCode.CLUSTER_AUTHORIZATION_FAILED,
  [Resource.TRANSACTIONAL_ID]: ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
};

/** The error of a refused operation, with the default message of its code: a message must not reveal whether the resource exists. */
export function authorizationError(resource: Resource): KafkaError {
  return new KafkaError(FAILURES[resource]);
}

const SUPPORTED: Readonly<Record<Resource, readonly Operation[]>> = {
  [Resource.TOPIC]: [
    Operation.READ,
    Operation.WRITE,
    Operation.CREATE,
    Operation.DELETE,
    Operation.ALTER,
    Operation.DESCRIBE,
    Operation.DESCRIBE_CONFIGS,
    Operation.ALTER_CONFIGS,
  ],
  [Resource.GROUP]: [Operation.READ, Operation.DELETE, Operation.DESCRIBE, Operation.DESCRIBE_CONFIGS, Operation.ALTER_CONFIGS],
  [Resource.CLUSTER]: [
    Operation.CREATE,
    Operation.ALTER,
    Operation.DESCRIBE,
    Operation.CLUSTER_ACTION,
    Operation.DESCRIBE_CONFIGS,
    Operation.ALTER_CONFIGS,
    Operation.IDEMPOTENT_WRITE,
  ],
  [Resource.TRANSACTIONAL_ID]: [Operation.WRITE, Operation.DESCRIBE],
};

/** Authorized operations in a response to a request that did not ask for them. */
export const OPERATIONS_NOT_ASKED = -2_147_483_648;

/** The operations that the session may do on a resource, as the bit field of KIP-430: the number of a bit is the code of an operation. */
export function authorizedOperations(authorizer: Authorizer, session: Session, resource: Resource, name: string): number {
  let bits = 0;
  for (const operation of SUPPORTED[resource]) if (authorizer.authorize(session, operation, resource, name)) bits |= 1 << operation;
  return bits;
}
