/**
 * Many members act randomly for some minutes of virtual time while the log under the coordinator delays, refuses, loses and moves. Invariants
 * are checked at every response; at the end all faults stop, and the group must become stable with every partition owned once.
 */
import { expect, test } from 'vitest';
import { seededRandom, type Random } from '../../../../electron/cluster/lib/random.ts';
import { ErrorCode as E } from '../../../../electron/cluster/protocol/error-codes.ts';
import { GroupBench, GROUP, type Client } from '../../../helpers/group-bench.ts';
import { settle } from '../../../helpers/virtual-clock.ts';

const PARTITIONS = 7;
const CLIENTS = 6;

class World {
  readonly bench: GroupBench;
  readonly random: Random;
  readonly actors: Actor[] = [];
  /** Assignments by generation. */
  readonly owners = new Map<number, Map<number, string>>();
  /** Highest acknowledged offset by partition, and the next one to commit. */
  readonly acknowledged = new Map<number, bigint>();
  private next = 0n;
  lastGeneration = 0;
  unanswered = 0;
  calm = false;

  constructor(seed: number) {
    this.bench = new GroupBench({ initialRebalanceDelayMs: 1000 }, seed);
    this.random = seededRandom(seed);
    for (let i = 0; i < CLIENTS; i++) this.actors.push(new Actor(this, `c${i}`, i % 3 === 0 ? `static-${i}` : null));
  }

  async ask<T>(request: Promise<T>): Promise<T> {
    this.unanswered++;
    const answer = await request;
    this.unanswered--;
    return answer;
  }

  assigned(client: Client, partitions: readonly number[]): void {
    expect(client.generation, 'a generation goes back').toBeGreaterThanOrEqual(this.lastGeneration);
    this.lastGeneration = client.generation;
    const owners = this.owners.get(client.generation) ?? new Map<number, string>();
    this.owners.set(client.generation, owners);
    const me = client.instanceId ?? client.memberId;
    for (const partition of partitions) {
      expect(owners.get(partition) ?? me, `partition ${partition} of generation ${client.generation}`).toBe(me);
      owners.set(partition, me);
    }
  }

  async commit(client: Client, partition: number): Promise<number> {
    const offset = ++this.next;
    const error = await this.ask(this.bench.commit(client, offset, { partition }));
    if (error === E.NONE && offset > (this.acknowledged.get(partition) ?? -1n)) this.acknowledged.set(partition, offset);
    return error;
  }

  /** No acknowledged offset is ever missing at the current coordinator. */
  checkOffsets(): void {
    if (this.bench.coordinator.status().partitions.some(({ loading }) => loading)) return;
    for (const [partition, offset] of this.acknowledged) expect(this.bench.committed(partition)).toBeGreaterThanOrEqual(offset);
  }

  async fault(): Promise<void> {
    const { storage } = this.bench;
    switch (this.random.int(8)) {
      case 0:
      case 1:
        storage.hold = !storage.hold;
        if (!storage.hold) storage.commit(0);
        break;
      case 2:
        storage.commit(0);
        break;
      case 3:
        storage.rejectWaiting(0, this.random.int(2) === 0 ? E.NOT_ENOUGH_REPLICAS_AFTER_APPEND : E.REQUEST_TIMED_OUT);
        break;
      case 4:
        storage.refuse = storage.refuse === null ? E.NOT_ENOUGH_REPLICAS : null;
        break;
      case 5:
      case 6:
        await this.bench.failOver({ keepUncommitted: this.random.int(2) === 0 });
        break;
      default:
        this.actors[this.random.int(CLIENTS)]?.crash();
    }
  }
}

/** A consumer as clients behave: sends heartbeats, commits, rejoins and resets its member id on the respective errors. */
class Actor {
  client: Client;
  /** Grows with every crash: responses to an earlier incarnation are ignored. */
  private life = 0;
  private readonly world: World;
  owned: number[] = [];

  constructor(world: World, clientId: string, instanceId: string | null) {
    this.world = world;
    this.client = world.bench.client(clientId, instanceId);
  }

  start(): void {
    void this.run(++this.life);
  }

  /** The process crashes and restarts after a while. */
  crash(): void {
    this.life++;
    this.owned = [];
    this.client = { ...this.client, memberId: '', generation: -1 };
    this.world.bench.clock.setTimer(this.world.random.int(20_000), () => this.start());
  }

  private pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.world.bench.clock.setTimer(ms, resolve));
  }

  private async run(life: number): Promise<void> {
    const { world } = this;
    const alive = (): boolean => this.life === life;
    while (alive()) {
      if (!(await this.join(alive))) {
        await this.pause(100 + world.random.int(400));
        continue;
      }
      while (alive()) {
        await this.pause(500 + world.random.int(2500));
        if (!alive()) return;
        const { client } = this;
        if (!world.calm && world.random.int(25) === 0) {
          world.bench.leave(client);
          this.owned = [];
          client.memberId = '';
          await this.pause(world.random.int(10_000));
          break;
        }
        const partition = this.owned[world.random.int(Math.max(this.owned.length, 1))];
        const error =
          partition !== undefined && world.random.int(2) === 0 ? await world.commit(client, partition) : world.bench.heartbeat(client);
        if (!alive() || this.mustRejoin(error)) break;
      }
    }
  }

  private mustRejoin(error: number): boolean {
    if (error === E.UNKNOWN_MEMBER_ID || error === E.FENCED_INSTANCE_ID) this.client.memberId = '';
    return [E.UNKNOWN_MEMBER_ID, E.FENCED_INSTANCE_ID, E.ILLEGAL_GENERATION, E.REBALANCE_IN_PROGRESS].some((code) => code === error);
  }

  private async join(alive: () => boolean): Promise<boolean> {
    const { world } = this;
    const client = this.client;
    const version = [3, 5, 8, 9][world.random.int(client.instanceId === null ? 4 : 3) + (client.instanceId === null ? 0 : 1)];
    const joined = await world.ask(
      world.bench.join(client, { version: version ?? 9, sessionTimeoutMs: 8000, rebalanceTimeoutMs: 9000, topics: ['orders'] }),
    );
    if (!alive()) return false;
    if (joined.errorCode !== E.NONE) {
      this.mustRejoin(joined.errorCode);
      return false;
    }
    const assignments: Record<string, string> = {};
    if (joined.members.length > 0 && joined.skipAssignment !== true) {
      for (const { memberId } of joined.members) assignments[memberId] = '';
      for (let p = 0; p < PARTITIONS; p++) {
        const { memberId } = joined.members[p % joined.members.length] ?? { memberId: '' };
        assignments[memberId] = `${assignments[memberId] ?? ''}${p} `;
      }
    }
    // Some leaders assign slowly.
    await this.pause(world.random.int(300));
    if (!alive()) return false;
    const generation = client.generation;
    const { errorCode, assignment } = await world.ask(world.bench.sync(client, assignments));
    if (errorCode === E.NONE) {
      const partitions = assignment.split(' ').filter(Boolean).map(Number);
      world.assigned({ ...client, generation }, partitions);
      if (alive()) this.owned = partitions;
      return alive();
    }
    if (alive()) this.mustRejoin(errorCode);
    return false;
  }
}

test.each(Array.from({ length: 24 }, (_, i) => i + 1))('seed %i', async (seed) => {
  const world = new World(seed);
  const { bench, random } = world;
  await bench.elect();
  for (const actor of world.actors) bench.clock.setTimer(random.int(5000), () => actor.start());
  for (let step = 0; step < 120; step++) {
    await bench.clock.advance(random.int(2000));
    if (random.int(3) === 0) await world.fault();
    world.checkOffsets();
  }
  world.calm = true;
  bench.storage.hold = false;
  bench.storage.refuse = null;
  bench.storage.commit(0);
  await bench.clock.advance(90_000);
  world.checkOffsets();
  const status = bench.status();
  expect(status).toMatchObject({ state: 'Stable' });
  expect([...(status?.members ?? [])].sort()).toEqual(world.actors.map(({ client }) => client.memberId).sort());
  expect(world.actors.flatMap(({ owned }) => owned).sort()).toEqual(Array.from({ length: PARTITIONS }, (_, p) => p));
  expect(world.lastGeneration).toBe(status?.generation);
  // All of it is recorded: a successor returns the same.
  await bench.failOver();
  expect(bench.status()).toEqual(status);
  world.checkOffsets();
  bench.coordinator.close();
  await settle();
  expect(world.unanswered, `${GROUP} left requests unanswered`).toBe(0);
});
