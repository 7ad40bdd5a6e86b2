/** The timeline: every fault and every transition that it caused, with the cause. */

export type TimelineEventType =
  // what a person or a test did
  | 'lab/nodeStarted'
  | 'lab/nodeStopped'
  | 'lab/nodeKilled'
  | 'lab/powerCut'
  | 'lab/nodeFrozen'
  | 'lab/nodeThawed'
  | 'lab/faultInjected'
  | 'lab/faultHealed'
  | 'lab/nodeAdded'
  | 'lab/nodeRemoved'
  // what was done to the clients of a load
  | 'load/started'
  | 'load/ended'
  | 'load/changed'
  | 'load/memberCrashed'
  | 'load/memberPaused'
  | 'load/memberResumed'
  // a scenario of steps and loads: what it did is told by itself
  | 'scenario/started'
  | 'scenario/ended'
  // coordination
  | 'quorum/leaderElected'
  | 'quorum/leaderResigned'
  | 'quorum/snapshotWritten'
  | 'quorum/snapshotLoaded'
  | 'coordination/sessionExpired'
  | 'cluster/brokerRegistered'
  | 'cluster/brokerUnfenced'
  | 'cluster/brokerFenced'
  | 'cluster/controlledShutdown'
  | 'cluster/processSuspended'
  // topics and partitions
  | 'topic/created'
  | 'topic/deleted'
  | 'topic/configChanged'
  | 'topic/partitionsAdded'
  | 'partition/leadersElected'
  | 'partition/leadersLost'
  | 'partition/isrShrunk'
  | 'partition/isrExpanded'
  | 'partition/truncated'
  | 'partition/repairBlocked'
  | 'partition/uncleanlyElected'
  | 'partition/reassignmentStarted'
  | 'partition/reassignmentCancelled'
  | 'partition/reassigned'
  // groups
  | 'group/coordinatorMoved'
  | 'group/rebalanceStarted'
  | 'group/rebalanced'
  | 'group/memberJoined'
  | 'group/memberLeft'
  | 'group/memberExpired'
  // nodes
  | 'node/ready'
  | 'node/logRecovered'
  | 'node/corruptionFound'
  | 'node/segmentRepaired'
  | 'node/logDirectoryFailed'
  | 'node/failed';

export interface TimelineEvent {
  /** Grows by one with every event of a run of the app. */
  id: number;
  type: TimelineEventType;
  /** Wall-clock milliseconds. */
  at: number;
  /** The node that reported it; null for what the supervisor itself did or saw. */
  node: number | null;
  broker?: number;
  topic?: string;
  partitions?: number[];
  group?: string;
  /** How many things it is about, where that is more than one: 9 leaders moved. */
  count?: number;
  /** One short clause in plain words: why it happened. */
  reason?: string;
  /** The event that led to this one. */
  causeId?: number;
  /** The cause fits by subject and time, but the record does not prove it. Absent where it does. */
  causeIsPossible?: true;
  details?: Record<string, unknown>;
}
