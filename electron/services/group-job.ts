/** A group load: one worker per member, and the sum of what the members consume. */
import type { ConsumedCounts, GroupLoad, LoadMember, LoadRow } from '#shared/models/load';
import { GroupTally } from '../admin/load/group-tally.ts';
import { ServiceError } from './errors.ts';
import { GroupMember } from './group-member.ts';
import { LoadJob, type LoadJobOptions } from './load-job.ts';
import { LoadMeter } from './load-meter.ts';
import { messageOf } from '#shared/errors';

/** Members that have ended stay in the list while they are among the last so many. */
const MOST_ENDED = 10;

export class GroupJob extends LoadJob {
  spec: GroupLoad;
  private readonly tallyMemory: SharedArrayBuffer;
  private readonly tally: GroupTally;
  private readonly meter = new LoadMeter();
  private members: GroupMember[] = [];
  /** By topic, every partition that has been assigned to a member. */
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
    // Noted before a member joins: the first one may be in the group while the last one still connects.
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

  /** Resolves when the new members are connected, or the removed ones have left. */
  async setMembers(count: number): Promise<void> {
    const before = this.living().length;
    this.spec = { ...this.spec, members: count };
    if (count !== before) this.note('load/changed', `members from ${before} to ${count}`, { members: count });
    if (count > before) await this.connecting(this.grow(count - before));
    else {
      // A paused member cannot leave the group, so it is removed only when no running member is left.
      const last = this.living().sort((a, b) => Number(b.paused) - Number(a.paused) || a.number - b.number);
      await Promise.all(
        last.slice(count).map((member) => {
          const { number, memberId, paused } = member;
          // Without its number: a recorded scenario then has the smaller number of members, and no crash besides.
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
    this.note('load/memberResumed', `member ${number} was resumed`, { member: number, memberId: member.memberId });
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
        failed: (error) => {
          onError(`member ${number} of load ${this.spec.name}`, error);
          this.onMemberFailed(member, error);
        },
      },
    );
    this.members.push(member);
    const ended = this.members.filter(({ alive }) => !alive);
    if (ended.length > MOST_ENDED) this.members.splice(this.members.indexOf(ended[0] as GroupMember), 1);
    changed();
    return member.connected;
  }

  /** Replaces a member whose worker ended without a request to do so. */
  private onMemberFailed(member: GroupMember, error: unknown): void {
    this.crashes++;
    const why = messageOf(error);
    if (this.state !== 'running') return;
    this.note('load/memberCrashed', `member ${member.number} failed: ${why}`, { member: member.number, memberId: member.memberId });
    this.replace(`Member ${member.number} failed and was replaced: ${why}`);
  }

  private replace(error: string | null): void {
    this.spawn().catch((failure: unknown) => this.complain(messageOf(failure)));
    if (error !== null) this.complain(error);
  }

  /** Only a member with partitions: the end of another one would change nothing that is shown. */
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
