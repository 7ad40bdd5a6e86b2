/** Which groups exist, where their coordinators are, and who their members are, by ListGroups and DescribeGroups at each broker. */
import type { GroupDescription, ListedGroup } from '../../admin/groups.ts';
import { BrokerLanes } from './broker-lanes.ts';
import type { Interest } from './interest.ts';
import type { Reach } from './reach.ts';
import { keepKnown } from './sameness.ts';
import type { ClusterState, GroupState } from './state.ts';

type Target = Pick<ClusterState, 'groups' | 'descriptionTimes' | 'lagTimes'>;

export interface GroupSource {
  brokers(): readonly number[];
  /** The groups that a broker coordinates. Rejects with an `AdminError`. */
  list(broker: number): Promise<readonly ListedGroup[]>;
  describe(broker: number, groups: readonly ListedGroup[]): Promise<readonly GroupDescription[]>;
}

export class GroupsPart {
  private readonly state: Target;
  private readonly source: GroupSource;
  private readonly reach: Reach;
  private readonly onChange: () => void;
  private readonly now: () => number;
  private readonly lanes: BrokerLanes;
  /** Groups that no broker listed in the last round, though all of them answered. */
  private unlisted: ReadonlySet<string> = new Set();

  constructor(options: {
    state: Target;
    source: GroupSource;
    reach: Reach;
    onChange: () => void;
    now?: () => number;
    lanes?: BrokerLanes;
  }) {
    this.state = options.state;
    this.source = options.source;
    this.reach = options.reach;
    this.onChange = options.onChange;
    this.now = options.now ?? Date.now;
    this.lanes = options.lanes ?? new BrokerLanes();
  }

  /** Lists all groups and describes those of `wanted`. */
  async round(wanted: Interest['groups']): Promise<void> {
    const startedAt = this.now();
    const brokers = this.source.brokers();
    const listedBy = new Map<number, ReadonlySet<string>>();
    const failed = new Set<number>();
    const described = new Set<string>();
    await this.lanes.round(
      brokers,
      async (broker) => {
        const listed = await this.source.list(broker);
        const asked = listed.filter(({ id }) => wanted === 'all' || (wanted !== 'none' && wanted.includes(id)));
        return { listed, asked, descriptions: asked.length === 0 ? [] : await this.source.describe(broker, asked) };
      },
      (broker, answer) => {
        this.reach.note(broker, 'error' in answer ? answer.error : null);
        if ('error' in answer) {
          failed.add(broker);
          // Also where the answer comes after the round: a broker that is known to be silent fails no other way.
          this.markUnanswered(broker);
          return;
        }
        const { listed, asked, descriptions } = answer.value;
        listedBy.set(broker, new Set(listed.map(({ id }) => id)));
        this.merge(listed, descriptions);
        for (const { id } of asked) described.add(id);
        this.onChange();
      },
    );
    this.keepOrForgetUnlisted(brokers, listedBy, failed);
    this.sort();
    this.state.descriptionTimes.note(described, startedAt);
  }

  /** By id: requests of one round list groups as those of the last one did. */
  private sort(): void {
    const { groups } = this.state;
    let last = '';
    for (const id of groups.keys()) {
      if (id < last) {
        groups.sort((a, b) => a < b);
        return;
      }
      last = id;
    }
  }

  private merge(listed: readonly ListedGroup[], descriptions: readonly GroupDescription[]): void {
    const { groups } = this.state;
    const byId = new Map(descriptions.map((one) => [one.id, one]));
    for (const group of listed) {
      const before = groups.get(group.id);
      const next: GroupState = {
        listed: keepKnown(before?.listed, group),
        described: keepKnown(before?.described ?? undefined, byId.get(group.id) ?? before?.described ?? null),
        error: null,
        readings: before?.readings ?? new Map(),
      };
      if (before === undefined || before.listed !== next.listed || before.described !== next.described || before.error !== null)
        groups.set(group.id, next);
    }
  }

  /** What a coordinator that does not answer reported before is not the state of its groups. */
  private markUnanswered(coordinator: number): void {
    const { groups } = this.state;
    let isChanged = false;
    for (const [id, group] of groups) {
      if (group.listed.coordinator !== coordinator || group.error !== null) continue;
      groups.set(id, { ...group, error: 'COORDINATOR_NOT_AVAILABLE' });
      isChanged = true;
    }
    if (isChanged) this.onChange();
  }

  /**
   * A group that no broker lists in two rounds in succession is deleted, unless a broker did not answer: that one may be its coordinator.
   * One round says too little: brokers do not answer at the same time, and the former coordinator may have resigned before its answer,
   * the next one been elected after its own. A coordinator that is only late leaves its groups as they are.
   */
  private keepOrForgetUnlisted(
    brokers: readonly number[],
    listedBy: ReadonlyMap<number, ReadonlySet<string>>,
    failed: ReadonlySet<number>,
  ): void {
    const { groups, descriptionTimes, lagTimes } = this.state;
    const listed = new Set<string>();
    for (const ids of listedBy.values()) for (const id of ids) listed.add(id);
    const unlisted = new Set<string>();
    const isSomeSilent = brokers.some((broker) => !listedBy.has(broker));
    for (const [id, group] of groups) {
      if (listed.has(id)) continue;
      const { coordinator } = group.listed;
      const isListedBroker = brokers.includes(coordinator);
      if (!isSomeSilent && isListedBroker) {
        if (this.unlisted.has(id)) groups.delete(id);
        else unlisted.add(id);
      } else if (group.error === null && (!isListedBroker || failed.has(coordinator) || listedBy.has(coordinator)))
        groups.set(id, { ...group, error: 'COORDINATOR_NOT_AVAILABLE' });
    }
    this.unlisted = unlisted;
    for (const times of [descriptionTimes, lagTimes]) times.keepOnly((id) => groups.has(id));
  }
}
