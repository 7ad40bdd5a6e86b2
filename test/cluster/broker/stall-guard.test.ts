import { describe, expect, test } from 'vitest';
import { guardGroups } from '../../../electron/cluster/broker/guarded-groups.ts';
import { MetadataConfirmation } from '../../../electron/cluster/broker/metadata-confirmation.ts';
import { StallGuard } from '../../../electron/cluster/broker/stall-guard.ts';
import type { ControllerChannel, GroupApis } from '../../../electron/cluster/broker/context.ts';
import { silentLogger } from '../../../electron/cluster/lib/logger.ts';
import { ErrorCode } from '../../../electron/cluster/protocol/error-codes.ts';
import { EMPTY_IMAGE } from '../../../electron/cluster/quorum/image.ts';
import { ManualClock } from '../log/helpers.ts';

function guard(confirm: (since: number) => Promise<boolean>): { clock: ManualClock; stalls: StallGuard } {
  const clock = new ManualClock();
  const stalls = new StallGuard({ clock, logger: silentLogger, boundMs: 1_500, capMs: 3_000, confirm });
  stalls.start();
  return { clock, stalls };
}

/** A frozen process: time passes and no timer runs. */
function freeze(clock: ManualClock, ms: number): void {
  clock.time += ms;
}

/** Lets promises settle between timers. */
async function advance(clock: ManualClock, ms: number): Promise<void> {
  for (let at = 0; at < ms; at += 30) {
    clock.advance(30);
    for (let i = 0; i < 5; i++) await Promise.resolve();
  }
}

describe('StallGuard', () => {
  test('holds requests after a stall until the metadata is confirmed', async () => {
    let answer = false;
    const { clock, stalls } = guard(() => Promise.resolve(answer));
    await advance(clock, 3_000);
    expect(stalls.hold).toBeUndefined();
    freeze(clock, 2_000);
    const held = stalls.hold;
    expect(held).toBeInstanceOf(Promise);
    expect(stalls.isUnsure).toBe(true);
    await advance(clock, 300);
    expect(stalls.hold).toBe(held);
    answer = true;
    await advance(clock, 60);
    await held;
    expect(stalls.hold).toBeUndefined();
    expect(stalls.isUnsure).toBe(false);
  });

  test('a stall shorter than the bound holds nothing', () => {
    const { clock, stalls } = guard(() => Promise.resolve(false));
    freeze(clock, 1_400);
    expect(stalls.hold).toBeUndefined();
  });

  test('without a controller requests are served again after the cap, and it stays unsure', async () => {
    const { clock, stalls } = guard(() => Promise.reject(new Error('no controller')));
    freeze(clock, 9_000);
    const held = stalls.hold;
    await advance(clock, 2_900);
    expect(stalls.hold).toBe(held);
    await advance(clock, 300);
    await held;
    expect(stalls.hold).toBeUndefined();
    expect(stalls.isUnsure).toBe(true);
  });

  test('a second stall holds requests for the whole cap, counted from that stall', async () => {
    const { clock, stalls } = guard(() => Promise.reject(new Error('no controller')));
    freeze(clock, 9_000);
    expect(stalls.hold).toBeDefined();
    await advance(clock, 3_300);
    expect(stalls.hold).toBeUndefined();
    freeze(clock, 2_000);
    const held = stalls.hold;
    expect(held).toBeDefined();
    await advance(clock, 2_900);
    expect(stalls.hold).toBe(held);
    await advance(clock, 300);
    await held;
    expect(stalls.hold).toBeUndefined();
    expect(stalls.isUnsure).toBe(true);
  });

  test('a confirmation of an earlier stall does not count for a later one', async () => {
    const asked: number[] = [];
    const pending: ((value: boolean) => void)[] = [];
    const { clock, stalls } = guard((since) => {
      asked.push(since);
      return new Promise((resolve) => pending.push(resolve));
    });
    freeze(clock, 2_000);
    expect(stalls.hold).toBeDefined();
    freeze(clock, 2_000);
    expect(stalls.hold).toBeDefined();
    pending[0]?.(true);
    await advance(clock, 60);
    expect(stalls.isUnsure).toBe(true);
    expect(asked).toEqual([2_000, 4_000]);
    pending[1]?.(true);
    await advance(clock, 60);
    expect(stalls.isUnsure).toBe(false);
  });

  test('stopping ends the wait', async () => {
    const { clock, stalls } = guard(() => Promise.resolve(false));
    freeze(clock, 2_000);
    const held = stalls.hold;
    stalls.stop();
    await held;
  });
});

describe('MetadataConfirmation', () => {
  function confirmation(highWatermark: bigint) {
    const state = { offset: 4n };
    const controller = {
      send: () => Promise.resolve({ topics: [{ partitions: [{ errorCode: 0, leaderId: 2, highWatermark }] }] }),
    } as unknown as ControllerChannel;
    const made = new MetadataConfirmation({ controller, timeoutMs: 1_000, image: () => ({ ...EMPTY_IMAGE, offset: state.offset }) });
    return { state, confirm: () => made.confirm() };
  }

  test("waits for the controller's high watermark", async () => {
    const { state, confirm } = confirmation(6n);
    expect(await confirm()).toBe(false);
    state.offset = 5n;
    expect(await confirm()).toBe(true);
  });

  test('an unknown high watermark confirms nothing', async () => {
    expect(await confirmation(-1n).confirm()).toBe(false);
  });
});

test('guardGroups: a coordinator that may have been replaced ends no membership', async () => {
  let replaced = false;
  const refusal = { errorCode: ErrorCode.UNKNOWN_MEMBER_ID };
  const groups = {
    heartbeat: () => refusal,
    syncGroup: () => ({ errorCode: ErrorCode.ILLEGAL_GENERATION }),
    joinGroup: () => ({ errorCode: ErrorCode.FENCED_INSTANCE_ID }),
    offsetCommit: () => ({ topics: [{ name: 't', partitions: [{ partitionIndex: 0, errorCode: ErrorCode.ILLEGAL_GENERATION }] }] }),
  } as unknown as GroupApis;
  const guarded = guardGroups(groups, () => replaced);
  const ask = async (): Promise<unknown[]> => [
    (await guarded.heartbeat({} as never, {} as never)).errorCode,
    (await guarded.syncGroup({} as never, {} as never)).errorCode,
    (await guarded.joinGroup({} as never, {} as never)).errorCode,
    (await guarded.offsetCommit({} as never, {} as never)).topics[0]?.partitions[0]?.errorCode,
  ];
  const { UNKNOWN_MEMBER_ID, ILLEGAL_GENERATION, FENCED_INSTANCE_ID, NOT_COORDINATOR } = ErrorCode;
  expect(await ask()).toEqual([UNKNOWN_MEMBER_ID, ILLEGAL_GENERATION, FENCED_INSTANCE_ID, ILLEGAL_GENERATION]);
  replaced = true;
  expect(await ask()).toEqual([NOT_COORDINATOR, NOT_COORDINATOR, NOT_COORDINATOR, NOT_COORDINATOR]);
});
