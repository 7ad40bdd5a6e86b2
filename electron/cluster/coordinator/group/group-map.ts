/**
 * The groups of one partition. Decisions see every group as it is once all appended records are committed; clients read the groups that exist by
 * a committed record. A group with members exists for both: its members are in memory before their assignment is written.
 */
import type { Group } from './group.ts';

export class GroupMap {
  private readonly current = new Map<string, Group>();
  private readonly readable = new Map<string, Group>();

  /** For decisions. */
  get(groupId: string): Group | undefined {
    return this.current.get(groupId);
  }

  /** For decisions. */
  values(): IterableIterator<Group> {
    return this.current.values();
  }

  /** For clients. */
  read(groupId: string): Group | undefined {
    return this.readable.get(groupId);
  }

  /** For clients. */
  readAll(): IterableIterator<Group> {
    return this.readable.values();
  }

  /** Adds a group that clients may read. */
  add(group: Group): void {
    this.current.set(group.groupId, group);
    this.readable.set(group.groupId, group);
  }

  /** Adds a group whose first record is appended; pair with `commitAdded`. */
  applyAdded(group: Group): void {
    this.current.set(group.groupId, group);
  }

  /** A record of the group is committed. `create` stands in for a group whose deletion is appended already. */
  commitAdded(groupId: string, create: () => Group): void {
    const group = this.current.get(groupId) ?? this.readable.get(groupId) ?? create();
    this.readable.set(groupId, group);
  }

  /** The tombstone of the group is appended; pair with `commitDeleted`. */
  applyDeleted(groupId: string): void {
    this.current.delete(groupId);
  }

  /** The tombstone is committed. Returns the deleted group; a group that was re-created since remains. */
  commitDeleted(groupId: string): Group | undefined {
    const group = this.readable.get(groupId);
    if (group === this.current.get(groupId)) return undefined;
    this.readable.delete(groupId);
    return group;
  }

  /** Removes a group without a record. */
  remove(groupId: string): void {
    this.current.delete(groupId);
    this.readable.delete(groupId);
  }
}
