/** Which groups read a topic: their rows depend on its metadata. */

export class GroupsByTopic {
  private readonly groups = new Map<string, Set<string>>();
  private readonly topics = new Map<string, readonly string[]>();

  /** Replaces the topics that the group reads, in any order. */
  set(group: string, topics: readonly string[]): void {
    const before = this.topics.get(group) ?? [];
    if (before.length === topics.length && before.every((topic, i) => topic === topics[i])) return;
    for (const topic of before) this.remove(topic, group);
    for (const topic of topics) {
      const own = this.groups.get(topic);
      if (own === undefined) this.groups.set(topic, new Set([group]));
      else own.add(group);
    }
    if (topics.length === 0) this.topics.delete(group);
    else this.topics.set(group, topics);
  }

  of(topic: string): Iterable<string> {
    return this.groups.get(topic) ?? [];
  }

  private remove(topic: string, group: string): void {
    const own = this.groups.get(topic);
    own?.delete(group);
    if (own?.size === 0) this.groups.delete(topic);
  }
}
