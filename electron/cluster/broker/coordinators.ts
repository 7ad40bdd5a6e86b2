/** The coordinators of this broker: each coordinates the keys of the partitions of its internal topic that this broker leads. */
import type { ImageChange } from '../quorum/image.ts';
import type { Coordinator } from './internal-topics.ts';

export class Coordinators {
  private readonly nodeId: number;
  private readonly byTopic: ReadonlyMap<string, Coordinator>;

  /** `byTopic`: by the name of the internal topic. */
  constructor(nodeId: number, byTopic: ReadonlyMap<string, Coordinator>) {
    this.nodeId = nodeId;
    this.byTopic = byTopic;
  }

  onImage(change: ImageChange): void {
    for (const { name, partitions } of change.deletedTopics) {
      const coordinator = this.byTopic.get(name);
      if (coordinator !== undefined) for (const { partition } of partitions) coordinator.onResignation(partition, null);
    }
    for (const { topic, partition, leader, leaderEpoch, replicas } of change.partitions) {
      const coordinator = this.byTopic.get(topic);
      if (coordinator === undefined) continue;
      if (leader === this.nodeId) coordinator.onElection(partition, leaderEpoch);
      else coordinator.onResignation(partition, replicas.includes(this.nodeId) ? leaderEpoch : null);
    }
    for (const coordinator of this.byTopic.values()) coordinator.onImage(change);
  }

  close(): void {
    for (const coordinator of this.byTopic.values()) coordinator.close();
  }
}
