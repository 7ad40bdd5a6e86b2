/** A group load: a worker for each member, what they consume together, and how they end. */
import type { ConsumedCounts, GroupLoad, LoadMember, LoadRow } from '#shared/models/load';
import { GroupTally } from '../admin/load/group-tally.ts';
import { ServiceError } from './errors.ts';
import { GroupMember } from './group-member.ts';
import { LoadJob, type LoadJobOptions } from './load-job.ts';
import { LoadMeter } from './load-meter.ts';
import { messageOf } from '#shared/errors';

/** Members that have ended are shown for as long as they are among the last. */
const MOST_ENDED = 10;

export class GroupJob extends LoadJob {
  spec: GroupLoad;
  private readonly tallyMemory: SharedArrayBuffer;
  private readonly tally: GroupTally;
  private readonly meter = new LoadMeter();
  private members: GroupMember[] = [];
  /** By topic, every partition that some member was given. */
  private readonly given = new Map<string, Set<number>>();
  private nextNumber = 1;
  private rebalances = 0;
  private crashes = 0;
  private crashing: NodeJS.Timeout | undefined;

  constructor(spec: GroupLoad, options: LoadJobOptions) {
    super(options);
    this.spec = spec;
    this.tallyMemory = GroupTally.memory(spec.topics);
    this.tally = new GroupTally(this.tallyMemory, spec.topics);
  }

  async start(): Promise<void> {
    const { members, crashEveryMs } = this.spec;
    // Before any of them joins: the first may be a member while the last still connects.
    this.note('load/started', `a group of ${members} started to read ${this.spec.topics.join(', ')}`, { members });
    try {
      await this.connecting(this.grow(members));
    } catch (error) {
      this.note('load/ended', 'its members could not connect', {});
      await this.destroy();
      throw error;
    }
    this.enter('running', null);
    if (crashEveryMs !== null) this.crashing = setInterval(() => this.crashOldest(), crashEveryMs);
  }

  async stop(): Promise<void> {
    if (!this.alive) return;
    clearInterval(this.crashing);
    this.enter('stopping');
    this.note('load/ended', 'its load was stopped', {});
    await Promise.all(this.living().map((member) => member.leave()));
    this.enter('ended', null);
  }

  async destroy(): Promise<void> {
    clearInterval(this.crashing);
    if (this.alive) this.enter('ended');
    await Promise.all(this.living().map((member) => member.end()));
  }

  /** Resolves when so many are connected, or have left. */
  async setMembers(count: number): Promise<void> {
    const before = this.living().length;
    this.spec = { ...this.spec, members: count };
    if (count !== before) this.note('load/changed', `members from ${before} to ${count}`, { members: count });
    if (count > before) await this.connecting(this.grow(count - before));
    else {
      // One that stands still would not hear of it, and so goes only when no other is left to go.
      const last = this.living().sort((a, b) => Number(b.paused) - Number(a.paused) || a.number - b.number);
      await Promise.all(
        last.slice(count).map((member) => {
          const { number, memberId, paused } = member;
          // Without its number: a recorded scenario has the smaller number of members, and no crash beside it.
          if (paused) this.note('load/memberCrashed', `member ${number} ended without leaving`, { memberId, replaced: false });
          return member.leave();
        }),
      );
    }
  }

  async crash(number: number): Promise<void> {
    await this.crashMember(this.member(number), false);
  }

  async pause(number: number): Promise<void> {
    const member = this.member(number);
    if (member.paused) throw new ServiceError({ code: 'INVALID_PAYLOAD', message: `Member ${number} is paused already.`, field: 'number' });
    this.note('load/memberPaused', `member ${number} was paused`, { member: number, memberId: member.memberId });
    await member.pause();
  }

  async resume(number: number): Promise<void> {
    const member = this.member(number);
    if (!member.paused) throw new ServiceError({ code: 'INVALID_PAYLOAD', message: `Member ${number} is not paused.`, field: 'number' });
    this.note('load/memberResumed', `member ${number} gets on`, { member: number, memberId: member.memberId });
    await member.resume();
  }

  tick(): void {
    if (this.alive) this.meter.sample(this.tally.consumed, performance.now());
  }

  row(): LoadRow {
    const { id, spec, state, since, error } = this;
    const members = this.members.map((member) => member.row());
    const consumed: ConsumedCounts = {
      consumed: this.tally.consumed,
      repeated: this.tally.repeated,
      perSecond: this.alive ? this.meter.perSecond : 0,
      rebalances: this.rebalances,
      crashes: this.crashes,
      members,
      positions: this.positions(members),
    };
    return { id, spec, state, since, error, written: null, consumed };
  }

  private positions(members: readonly LoadMember[]): ConsumedCounts['positions'] {
    for (const { topic, partitions } of members.flatMap(({ assignment }) => assignment)) {
      const given = this.given.get(topic) ?? new Set();
      this.given.set(topic, given);
      for (const partition of partitions) given.add(partition);
    }
    return [...this.given].flatMap(([topic, partitions]) =>
      [...partitions]
        .sort((a, b) => a - b)
        .flatMap((partition) => {
          const next = this.tally.next(topic, partition);
          return next === null ? [] : [{ topic, partition, next: `${next}` }];
        }),
    );
  }

  private async grow(count: number): Promise<void> {
    await Promise.all(Array.from({ length: count }, () => this.spawn()));
  }

  private spawn(): Promise<void> {
    const { bootstrap, connectHost, workerPath, onError, changed } = this.options;
    const number = this.nextNumber++;
    const member: GroupMember = new GroupMember(
      { kind: 'member', bootstrap, connectHost, spec: this.spec, number, tally: this.tallyMemory },
      workerPath,
      {
        joined: () => this.rebalances++,
        changed,
        complained: (message) => this.complain(message === null ? null : `Member ${number}: ${message}`),
        fell: (error) => {
          onError(`member ${number} of load ${this.spec.name}`, error);
          this.fell(member, error);
        },
      },
    );
    this.members.push(member);
    const ended = this.members.filter(({ alive }) => !alive);
    if (ended.length > MOST_ENDED) this.members.splice(this.members.indexOf(ended[0] as GroupMember), 1);
    changed();
    return member.connected;
  }

  /** Nobody told it to end: another one takes its place. */
  private fell(member: GroupMember, error: unknown): void {
    this.crashes++;
    const why = messageOf(error);
    if (this.state !== 'running') return;
    this.note('load/memberCrashed', `member ${member.number} fell: ${why}`, { member: member.number, memberId: member.memberId });
    this.replace(`Member ${member.number} fell and another took its place: ${why}`);
  }

  private replace(error: string | null): void {
    this.spawn().catch((failure: unknown) => this.complain(messageOf(failure)));
    if (error !== null) this.complain(error);
  }

  /** Of those that hold partitions, since an end that changes nothing shows nothing. */
  private crashOldest(): void {
    const oldest = this.living().find((member) => member.consuming);
    if (oldest === undefined) return;
    this.crashMember(oldest, true).catch((error: unknown) => this.options.onError(`crashing a member of ${this.spec.name}`, error));
  }

  private async crashMember(member: GroupMember, replaced: boolean): Promise<void> {
    this.crashes++;
    const { number, memberId } = member;
    this.note('load/memberCrashed', `member ${number} ended without leaving`, { member: number, memberId, replaced });
    await member.end();
    if (replaced && this.state === 'running') this.replace(null);
    this.options.changed();
  }

  private living(): GroupMember[] {
    return this.members.filter(({ alive }) => alive);
  }

  private member(number: number): GroupMember {
    const member = this.living().find((one) => one.number === number);
    if (member === undefined) {
      throw new ServiceError({ code: 'NOT_FOUND', message: `The group ${this.spec.name} has no member ${number} now.`, field: 'number' });
    }
    return member;
  }

  private note(
    type: 'load/started' | 'load/ended' | 'load/changed' | `load/member${'Crashed' | 'Paused' | 'Resumed'}`,
    reason: string,
    more: Record<string, unknown>,
  ): void {
    this.options.note({ type, group: this.spec.name, reason, details: { loadId: this.id, kind: 'group', name: this.spec.name, ...more } });
  }
}
