import { beforeEach, describe, expect, it } from 'vitest';
import { BrokerLifecycle, type LifecycleState } from '../../../electron/cluster/broker/broker-lifecycle.ts';
import type { ControllerChannel } from '../../../electron/cluster/broker/context.ts';
import { silentLogger } from '../../../electron/cluster/lib/logger.ts';
import { seededRandom } from '../../../electron/cluster/lib/random.ts';
import { ErrorCode } from '../../../electron/cluster/protocol/error-codes.ts';
import { brokerSettings } from '../../../electron/cluster/quorum/config-definitions.ts';
import type { MetadataImage } from '../../../electron/cluster/quorum/image.ts';
import { CLUSTER_ID, imageOf, registration } from '../../helpers/fake-broker.ts';
import { VirtualClock } from '../../helpers/virtual-clock.ts';

interface Beat {
  brokerEpoch: bigint;
  currentMetadataOffset: bigint;
  wantFence: boolean;
  wantShutDown: boolean;
}

/** A controller that follows KIP-631 for one broker. */
class FakeController {
  up = true;
  registered = false;
  fenced = true;
  leaderships = 2;
  epoch = 40n;
  refuseWith = 0;
  readonly registrations: { incarnationId: string; at: number }[] = [];
  readonly beats: (Beat & { at: number })[] = [];
  onRegistered: (epoch: bigint) => void = () => undefined;
  private readonly clock: VirtualClock;

  constructor(clock: VirtualClock) {
    this.clock = clock;
  }

  readonly channel: ControllerChannel = {
    send: async (api, _version, body, { timeoutMs }) => {
      await new Promise<void>((resolve) => {
        this.clock.setTimer(this.up ? 1 : timeoutMs, resolve);
      });
      if (!this.up) throw new Error('no controller');
      return (api.name === 'BrokerRegistration' ? this.register(body as never) : this.beat(body as never)) as never;
    },
  };

  private register({ incarnationId }: { incarnationId: string }) {
    this.registrations.push({ incarnationId, at: this.clock.monotonic() });
    if (this.refuseWith !== 0) return { throttleTimeMs: 0, errorCode: this.refuseWith, brokerEpoch: -1n };
    this.registered = true;
    this.fenced = true;
    this.epoch += 10n;
    this.onRegistered(this.epoch);
    return { throttleTimeMs: 0, errorCode: 0, brokerEpoch: this.epoch };
  }

  private beat(beat: Beat) {
    this.beats.push({ ...beat, at: this.clock.monotonic() });
    const answer = { throttleTimeMs: 0, errorCode: 0, isCaughtUp: true, isFenced: true, shouldShutDown: false };
    if (!this.registered) return { ...answer, errorCode: ErrorCode.BROKER_ID_NOT_REGISTERED };
    if (beat.brokerEpoch !== this.epoch) return { ...answer, errorCode: ErrorCode.STALE_BROKER_EPOCH };
    if (beat.wantShutDown) return { ...answer, isFenced: false, shouldShutDown: this.leaderships === 0 };
    if (!beat.wantFence && beat.currentMetadataOffset >= this.epoch) this.fenced = false;
    return { ...answer, isFenced: this.fenced };
  }
}

describe('BrokerLifecycle', () => {
  let clock: VirtualClock;
  let controller: FakeController;
  let image: MetadataImage;
  let ready: boolean;
  let states: LifecycleState[];
  let lifecycle: BrokerLifecycle;

  /** The part of the metadata log that this broker has read, with its registration. */
  const read = (epoch: bigint): void => {
    image = imageOf({ brokers: [registration(1, { epoch })], offset: epoch + 1n });
    lifecycle.onImage();
  };

  beforeEach(() => {
    clock = new VirtualClock();
    controller = new FakeController(clock);
    controller.onRegistered = (epoch) => {
      clock.setTimer(20, () => read(epoch));
    };
    image = imageOf({ brokers: [], offset: 3n });
    ready = true;
    states = [];
    lifecycle = new BrokerLifecycle({
      nodeId: 1,
      clusterId: CLUSTER_ID,
      incarnationId: 'i1',
      previousBrokerEpoch: 7n,
      listeners: registration(1).listeners,
      rack: null,
      directoryIds: [],
      features: [],
      settings: brokerSettings({}, 3),
      controller: controller.channel,
      clock,
      random: seededRandom(1),
      logger: silentLogger,
      image: () => image,
      ready: () => ready,
      onState: (state) => states.push(state),
    });
  });

  it('registers, reads up to its own registration, and asks to be unfenced at once', async () => {
    lifecycle.start();
    await clock.advance(15);
    expect(lifecycle).toMatchObject({ state: 'catchingUp', brokerEpoch: 50n });
    expect(controller.beats).toMatchObject([{ wantFence: true, currentMetadataOffset: 3n }]);
    await clock.advance(10);
    expect(lifecycle.state).toBe('running');
    expect(states).toEqual(['registering', 'catchingUp', 'running']);
    expect(controller.beats.at(-1)).toMatchObject({ wantFence: false, currentMetadataOffset: 51n, brokerEpoch: 50n });
  });

  it('sends heartbeats at the interval', async () => {
    lifecycle.start();
    await clock.advance(100);
    const before = controller.beats.length;
    await clock.advance(5000);
    expect(controller.beats.length - before).toBeGreaterThanOrEqual(9);
    expect(controller.beats.length - before).toBeLessThanOrEqual(10);
  });

  it('does not serve before the rest of the broker is ready', async () => {
    ready = false;
    lifecycle.start();
    await clock.advance(2000);
    expect(lifecycle.state).toBe('catchingUp');
    expect(controller.beats.every(({ wantFence }) => wantFence)).toBe(true);
    ready = true;
    lifecycle.onImage();
    await clock.advance(5);
    expect(lifecycle.state).toBe('running');
  });

  it('reports that it is fenced, and returns to running', async () => {
    lifecycle.start();
    await clock.advance(100);
    controller.up = false;
    await clock.advance(10_000);
    expect(lifecycle.state).toBe('running');
    controller.up = true;
    // The controller fenced it, and does not unfence it while its metadata is behind its registration.
    image = { ...image, offset: 1n };
    await clock.advance(2000);
    controller.fenced = true;
    await clock.advance(600);
    expect(lifecycle.state).toBe('fenced');
    read(50n);
    await clock.advance(600);
    expect(lifecycle.state).toBe('running');
    expect(controller.registrations).toHaveLength(1);
  });

  it('retries without a controller, with growing pauses', async () => {
    controller.refuseWith = ErrorCode.INCONSISTENT_CLUSTER_ID;
    lifecycle.start();
    await clock.advance(5000);
    const pauses = controller.registrations.map(({ at }, index, all) => at - (all[index - 1]?.at ?? 0)).slice(1);
    expect(pauses.length).toBeGreaterThan(4);
    expect(pauses.length).toBeLessThan(12);
    expect(pauses[0]).toBeLessThan(100);
    expect(Math.max(...pauses)).toBeLessThanOrEqual(1202);
    expect(pauses.at(-1)).toBeGreaterThan(700);
    controller.refuseWith = 0;
    await clock.advance(2000);
    expect(lifecycle.state).toBe('running');
  });

  it('retries often while the session of its previous run is active', async () => {
    controller.refuseWith = ErrorCode.DUPLICATE_BROKER_REGISTRATION;
    lifecycle.start();
    await clock.advance(3000);
    expect(controller.registrations).toHaveLength(15);
  });

  it('registers again as the same process when the controller does not know it', async () => {
    lifecycle.start();
    await clock.advance(100);
    controller.registered = false;
    await clock.advance(2000);
    expect(controller.registrations.map(({ incarnationId }) => incarnationId)).toEqual(['i1', 'i1']);
    expect(lifecycle).toMatchObject({ state: 'running', brokerEpoch: 60n });
    expect(states).toEqual(['registering', 'catchingUp', 'running', 'registering', 'catchingUp', 'running']);
    controller.epoch = 99n;
    await clock.advance(2000);
    expect(lifecycle).toMatchObject({ state: 'running', brokerEpoch: 109n });
  });

  it('stops when its leaderships have moved, and sends nothing afterwards', async () => {
    lifecycle.start();
    await clock.advance(100);
    let handedOver: boolean | undefined;
    void lifecycle.controlledShutdown(10_000).then((done) => (handedOver = done));
    await clock.advance(1200);
    expect([lifecycle.state, handedOver]).toEqual(['shuttingDown', undefined]);
    controller.leaderships = 0;
    await clock.advance(600);
    expect(handedOver).toBe(true);
    const { length } = controller.beats;
    await clock.advance(5000);
    expect(controller.beats).toHaveLength(length);
    lifecycle.stop();
    expect(states.slice(-2)).toEqual(['shuttingDown', 'stopped']);
  });

  it('stops after the timeout when no other broker takes its leaderships', async () => {
    lifecycle.start();
    await clock.advance(100);
    const leaving = lifecycle.controlledShutdown(2000);
    expect(await clock.settled(leaving)).toBe(false);
    expect(clock.monotonic()).toBeLessThan(2200);
  });

  it('has nothing to hand over before it has registered, or after its registration was removed', async () => {
    expect(await lifecycle.controlledShutdown(1000)).toBe(false);
    controller.up = false;
    lifecycle.start();
    expect(await lifecycle.controlledShutdown(1000)).toBe(true);
  });

  it('sends nothing after a stop during a request', async () => {
    lifecycle.start();
    lifecycle.stop();
    await clock.advance(5000);
    expect(controller.beats).toEqual([]);
    expect(lifecycle.state).toBe('stopped');
  });
});
