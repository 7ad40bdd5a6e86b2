/**
 * Handles a request of any transport: validates the channel and the payload, and returns the result or the error in an
 * envelope. Never throws.
 */
import type { AppError, Result } from '#shared/errors';
import { requestSchemas, type AppChannel, type ConnectionChannel, type Payload, type RequestChannel, type Results } from '#shared/ipc';
import type { ClientSession } from '../services/client-session.ts';
import { ServiceError, toAppError } from '../services/errors.ts';
import type { OpenConnection } from '../services/open-connections.ts';
import { describePayloadProblem } from './payload-problem.ts';

/** Details of an internal error are in the log only. */
const OWN_FAULT: AppError = {
  code: 'INTERNAL',
  message: 'The request failed because of an internal error of Brokerdesk.',
  advice: 'The log of Brokerdesk has the cause.',
};

/** One function per channel. Handlers of requests about a cluster receive its connection. */
export type Handlers = {
  [C in AppChannel]: (payload: Payload<C>, client: ClientSession) => Results[C] | Promise<Results[C]>;
} & {
  [C in ConnectionChannel]: (payload: Payload<C>, on: OpenConnection, client: ClientSession) => Results[C] | Promise<Results[C]>;
};

export type Invoke = (client: ClientSession, channel: string, payload: unknown) => Promise<Result<unknown>>;

/** `report` receives internal errors, which are bugs, with their stack for the log. */
export function createInvoke(handlers: Handlers, report: (channel: string, error: unknown) => void): Invoke {
  return async (client, channel, payload) => {
    if (!isChannel(channel))
      return failure({
        code: 'INVALID_PAYLOAD',
        message: 'The request is unknown.',
        advice: 'Reload the window: it may belong to another version.',
      });
    try {
      const parsed = requestSchemas[channel].safeParse(payload);
      if (!parsed.success) {
        const { text, field } = describePayloadProblem(parsed.error.issues[0]);
        return failure({
          code: 'INVALID_PAYLOAD',
          message: `${text}.`,
          ...(field === '' ? {} : { field }),
        });
      }
      const handler = handlers[channel] as (payload: unknown, ...more: unknown[]) => unknown;
      const { data } = parsed;
      const subject = 'connectionId' in data ? [client.connection(data.connectionId)] : [];
      return { ok: true, value: await handler(data, ...subject, client) };
    } catch (error) {
      const app = toAppError(error);
      if (app.code === 'INTERNAL') report(channel, error);
      return failure(error instanceof ServiceError ? app : OWN_FAULT);
    }
  };
}

function isChannel(channel: string): channel is RequestChannel {
  return Object.hasOwn(requestSchemas, channel);
}

function failure(error: AppError): Result<never> {
  return { ok: false, error };
}
