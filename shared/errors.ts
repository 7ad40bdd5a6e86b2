/**
 * Errors as they cross to the renderer and to control-API clients: data, never exceptions, since Electron passes no more
 * than a message of an exception. Every one says what happened, what it touched and what can be done.
 */
export interface AppError {
  /** Kafka's own name (`TOPIC_ALREADY_EXISTS`) where the broker said so, else one of ours (`BROKER_UNREACHABLE`). */
  code: AppErrorCode;
  /** What happened, in one sentence a person understands. */
  message: string;
  /** What to do about it, where something can be done. */
  advice?: string;
  /** The form field that it belongs to, by its name in the request's payload. */
  field?: string;
  /** Brokers, topics, groups that it touched. */
  subject?: string;
}

/** Ours; Kafka's own codes pass through by their official names. */
export const APP_ERROR_CODES = [
  'BROKER_UNREACHABLE',
  'OTHER_CLUSTER',
  'REQUEST_TIMED_OUT',
  'INVALID_PAYLOAD',
  'NOT_EMBEDDED',
  'READ_ONLY',
  'NOT_CONNECTED',
  'CANCELLED',
  'NOT_FOUND',
  'TOO_LARGE',
  'DATA_DIRECTORY',
  'INTERNAL',
] as const;
export type AppErrorCode = (typeof APP_ERROR_CODES)[number] | (string & {});

export type Result<T> = { ok: true; value: T } | { ok: false; error: AppError };

/** The message of a thrown value. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The message as a part of a sentence: without its full stop. */
export function clauseOf(error: unknown): string {
  return messageOf(error).replace(/\.$/, '');
}
