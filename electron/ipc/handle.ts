/**
 * One request, whichever transport brought it: known channel, payload parsed by its schema, result or error in an
 * envelope. Nothing is thrown at a transport.
 */
import type { AppError, Result } from '#shared/errors';
import { requestSchemas, type Payload, type RequestChannel, type Results } from '#shared/ipc';
import { toAppError } from '../services/errors.ts';
import { describePayloadProblem } from './payload-problem.ts';

/** One function a channel. */
export type Handlers = { [C in RequestChannel]: (payload: Payload<C>) => Results[C] | Promise<Results[C]> };

export type Invoke = (channel: string, payload: unknown) => Promise<Result<unknown>>;

/** `report` hears of errors that are ours: those are bugs, and their stack belongs in the log. */
export function createInvoke(handlers: Handlers, report: (channel: string, error: unknown) => void): Invoke {
  return async (channel, payload) => {
    if (!isChannel(channel)) return failure({ code: 'INVALID_PAYLOAD', message: `There is no request "${channel}".` });
    try {
      const parsed = requestSchemas[channel].safeParse(payload);
      if (!parsed.success) {
        const { text, field } = describePayloadProblem(parsed.error.issues[0]);
        return failure({
          code: 'INVALID_PAYLOAD',
          message: `The request ${channel} was refused: ${text}.`,
          ...(field === '' ? {} : { field }),
        });
      }
      const handler = handlers[channel] as (payload: unknown) => unknown;
      return { ok: true, value: await handler(parsed.data) };
    } catch (error) {
      const app = toAppError(error);
      if (app.code === 'INTERNAL') report(channel, error);
      return failure(app);
    }
  };
}

function isChannel(channel: string): channel is RequestChannel {
  return Object.hasOwn(requestSchemas, channel);
}

function failure(error: AppError): Result<never> {
  return { ok: false, error };
}
