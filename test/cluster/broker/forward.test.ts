import { describe, expect, it } from 'vitest';
import type { BrokerContext } from '../../../electron/cluster/broker/context.ts';
import { forward } from '../../../electron/cluster/broker/forward.ts';
import type { RequestContext } from '../../../electron/cluster/dispatch/request.ts';
import { ErrorCode } from '../../../electron/cluster/protocol/error-codes.ts';
import { createTopicsApi } from '../../../electron/cluster/quorum/apis/create-topics.ts';
import { VirtualClock } from '../../helpers/virtual-clock.ts';

const REQUEST = { topics: [], timeoutMs: 500, validateOnly: false };

async function setup(waitedMs: number): Promise<{ asked: number[]; answer: Promise<unknown> }> {
  const clock = new VirtualClock();
  const receivedAt = clock.monotonic();
  await clock.advance(waitedMs);
  const asked: number[] = [];
  const controller = {
    send: (_api: unknown, _version: number, _body: unknown, { timeoutMs }: { timeoutMs: number }) => {
      asked.push(timeoutMs);
      return Promise.resolve({ topics: [] });
    },
  };
  const broker = { clock, controller, settings: { requestTimeoutMs: 30_000 } } as unknown as BrokerContext;
  const context = { version: 7, receivedAt } as unknown as RequestContext;
  return { asked, answer: forward(broker, createTopicsApi, REQUEST, context) };
}

describe('forward', () => {
  it('gives the controller the remaining time of the request', async () => {
    const { asked, answer } = await setup(200);
    await answer;
    expect(asked).toEqual([300]);
  });

  it('does not forward a request that has timed out', async () => {
    const { asked, answer } = await setup(600);
    await expect(answer).rejects.toMatchObject({ code: ErrorCode.REQUEST_TIMED_OUT });
    expect(asked).toEqual([]);
  });
});
