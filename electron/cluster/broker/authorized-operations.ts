/**
 * Bit fields of the operations that a client may do (KIP-430). Without an authorizer these are all operations of such a resource, as
 * in Apache Kafka; a bit's number is the operation's code.
 */
export const ALL_TOPIC_OPERATIONS = 3576;
export const ALL_GROUP_OPERATIONS = 3400;
export const ALL_CLUSTER_OPERATIONS = 8096;
/** The value where the request did not ask for authorized operations. */
export const OPERATIONS_NOT_ASKED = -2147483648;
