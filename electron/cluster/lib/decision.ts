/**
 * The decision of a replicated state machine on one request: of the controller on the metadata, of a coordinator on its partition. A decision
 * sees all earlier ones, also those that are not committed yet. Its records are appended as one batch, applied at once, and the response is sent when
 * they are committed. A decision that is not appended changes nothing.
 *
 * An invalid request throws a `KafkaError`; an error in one of its items is in the response.
 */
export interface Decision<Record, Response> {
  readonly records: readonly Record[];
  /** Of a decision without records: sent once all earlier records are committed, since it may depend on them. */
  readonly response: Response;
}
