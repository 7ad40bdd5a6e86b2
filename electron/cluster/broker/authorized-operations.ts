/** The operations that a client may do on the cluster (KIP-430), of which only a client that may describe it is informed. */
import {
  authorizedOperations,
  CLUSTER_NAME,
  isAllowed,
  Operation,
  Resource,
  type Authorizer,
  type ItemRule,
} from '../security/authorizer.ts';
import type { Session } from '../security/session.ts';

export const DESCRIBE_CLUSTER: ItemRule = { operation: Operation.DESCRIBE, resource: Resource.CLUSTER };

export function clusterOperations(authorizer: Authorizer, session: Session): number {
  if (!isAllowed(authorizer, session, DESCRIBE_CLUSTER, CLUSTER_NAME)) return 0;
  return authorizedOperations(authorizer, session, Resource.CLUSTER, CLUSTER_NAME);
}
