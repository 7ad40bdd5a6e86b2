import { ErrorCode, errorName } from '../cluster/protocol/error-codes.ts';
import { errorMessage } from '../cluster/protocol/error-messages.ts';
import { messageOf, type AppError } from '#shared/errors';

/** What the admin layer throws; `app` is what a person gets to see. */
export class AdminError extends Error {
  readonly app: AppError;
  /** Kafka's error code where a broker gave one. */
  readonly kafkaCode: number | null;

  constructor(app: AppError, options?: { cause?: unknown; kafkaCode?: number }) {
    super(app.message, options);
    this.name = 'AdminError';
    this.app = app;
    this.kafkaCode = options?.kafkaCode ?? null;
  }
}

/** A broker did not answer: refused, reset or silent. */
export class UnreachableError extends AdminError {
  constructor(subject: string, why: string, options?: { cause?: unknown }, app?: AppError) {
    super(
      app ?? {
        code: 'BROKER_UNREACHABLE',
        message: `${subject} does not answer: ${why}.`,
        advice: 'Check that it runs and that its advertised address can be reached from here.',
        subject,
      },
      options,
    );
    this.name = 'UnreachableError';
  }
}

/** A broker answers for another cluster than that of the connection: it is not asked for anything. */
export class OtherClusterError extends UnreachableError {
  readonly address: string;
  readonly clusterId: string;

  constructor(address: string, clusterId: string, expected: string) {
    super(address, '', undefined, {
      code: 'OTHER_CLUSTER',
      message: `${address} belongs to cluster ${clusterId}, not to cluster ${expected} of this connection.`,
      advice: 'Correct the advertised listeners of the broker, or the bootstrap addresses of the connection.',
      subject: address,
    });
    this.name = 'OtherClusterError';
    this.address = address;
    this.clusterId = clusterId;
  }
}

const ADVICE: Partial<Record<number, string>> = {
  [ErrorCode.NOT_ENOUGH_REPLICAS]: 'Start a broker that is down, or lower min.insync.replicas.',
  [ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND]: 'The record may still be there after all: look before you send it again.',
  [ErrorCode.LEADER_NOT_AVAILABLE]: 'The partition has no leader now. Start the broker that held it last.',
  [ErrorCode.REQUEST_TIMED_OUT]: 'It may have happened all the same: look before you repeat it.',
  [ErrorCode.NON_EMPTY_GROUP]: 'Stop its consumers first.',
};

/** An `AdminError` for one of Kafka's error codes; the broker's own message comes first where it sent one. */
export function kafkaFailure(code: number, what: { message?: string | null; field?: string; subject?: string }): AdminError {
  const advice = ADVICE[code];
  return new AdminError(
    {
      code: errorName(code),
      // Some brokers send an empty message.
      message: (what.message ?? '').trim() === '' ? errorMessage(code) : (what.message ?? ''),
      ...(advice === undefined ? {} : { advice }),
      ...(what.field === undefined ? {} : { field: what.field }),
      ...(what.subject === undefined ? {} : { subject: what.subject }),
    },
    { kafkaCode: code },
  );
}

/** Any thrown thing as data. */
export function toAppError(error: unknown): AppError {
  if (error instanceof AdminError) return error.app;
  return { code: 'INTERNAL', message: messageOf(error) };
}
