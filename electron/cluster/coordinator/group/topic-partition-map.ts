/** A map by topic and partition that never holds an empty topic. */
export class TopicPartitionMap<T> {
  private readonly topics = new Map<string, Map<number, T>>();

  get isEmpty(): boolean {
    return this.topics.size === 0;
  }
  get(topic: string, partition: number): T | undefined {
    return this.topics.get(topic)?.get(partition);
  }
  set(topic: string, partition: number, value: T): void {
    const partitions = this.topics.get(topic);
    if (partitions === undefined) this.topics.set(topic, new Map([[partition, value]]));
    else partitions.set(partition, value);
  }
  delete(topic: string, partition: number): void {
    const partitions = this.topics.get(topic);
    if (partitions?.delete(partition) === true && partitions.size === 0) this.topics.delete(topic);
  }
  topicNames(): string[] {
    return [...this.topics.keys()];
  }
  partitionsOf(topic: string): ReadonlyMap<number, T> {
    return this.topics.get(topic) ?? new Map<number, T>();
  }
  *entries(): Generator<[topic: string, partition: number, value: T]> {
    for (const [topic, partitions] of this.topics) for (const [partition, value] of partitions) yield [topic, partition, value];
  }
}
