/** The types of the recorded timeline's entries, and the shape of one entry. */

/** The list is in `shared/models/timeline.ts`; `services/lab.ts` does not compile if a name here is missing there. */
const TYPES = [
  'lab/nodeStarted',
  'lab/nodeStopped',
  'lab/nodeKilled',
  'lab/powerCut',
  'lab/nodeFrozen',
  'lab/nodeThawed',
  'lab/faultInjected',
  'lab/faultHealed',
  'lab/nodeAdded',
  'lab/nodeRemoved',
  'load/started',
  'load/ended',
  'load/changed',
  'load/memberCrashed',
  'load/memberPaused',
  'load/memberResumed',
  'scenario/started',
  'scenario/ended',
  'quorum/leaderElected',
  'quorum/leaderResigned',
  'quorum/snapshotWritten',
  'quorum/snapshotLoaded',
  'coordination/sessionExpired',
  'cluster/brokerRegistered',
  'cluster/brokerUnfenced',
  'cluster/brokerFenced',
  'cluster/controlledShutdown',
  'cluster/processSuspended',
  'topic/created',
  'topic/deleted',
  'topic/configChanged',
  'topic/partitionsAdded',
  'partition/leadersElected',
  'partition/leadersLost',
  'partition/isrShrunk',
  'partition/isrExpanded',
  'partition/truncated',
  'partition/repairBlocked',
  'partition/uncleanlyElected',
  'partition/reassignmentStarted',
  'partition/reassignmentCancelled',
  'partition/reassigned',
  'group/coordinatorMoved',
  'group/rebalanceStarted',
  'group/rebalanced',
  'group/memberJoined',
  'group/memberLeft',
  'group/memberExpired',
  'node/ready',
  'node/logRecovered',
  'node/corruptionFound',
  'node/segmentRepaired',
  'node/logDirectoryFailed',
  'node/failed',
] as const;

export type TimelineType = (typeof TYPES)[number];

export interface TimelineEntry {
  /** Final; grows by one with every entry of a cluster's run, from 1. */
  id: number;
  type: TimelineType;
  /** Wall-clock milliseconds. */
  at: number;
  /** The node that reported it; null for events of the supervisor. */
  node: number | null;
  broker?: number;
  topic?: string;
  partitions?: number[];
  group?: string;
  count?: number;
  reason?: string;
  /** Id of its cause. */
  causeId?: number;
  /** `causeId` matches by subject and time, but the record does not prove it. Absent for a proven cause. */
  causeIsPossible?: true;
  details?: Record<string, unknown>;
}

export function isTimelineType(type: string): type is TimelineType {
  return (TYPES as readonly string[]).includes(type);
}
