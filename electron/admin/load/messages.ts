/** What a load's worker and its supervisor (`services/loads.ts`) tell each other. */
import type { AppError } from '#shared/errors';
import type { GroupLoad, LoadAudit, LoadMember, ProducerLoad } from '#shared/models/load';

/** How a worker is started: one for a whole producer load, one for each member of a group load. */
export type LoadWorkerStart = ProducerStart | MemberStart;

export interface ProducerStart {
  kind: 'producer';
  bootstrap: string;
  /** See `ClusterClient`. */
  connectHost: string | undefined;
  spec: ProducerLoad;
  /** Eight hexadecimal digits that no other load has: records of an earlier run of the same name are not taken for this one's. */
  run: string;
}

export interface MemberStart {
  kind: 'member';
  bootstrap: string;
  /** See `ClusterClient`. */
  connectHost: string | undefined;
  spec: GroupLoad;
  number: number;
  /** 1 while the member has to stand still. */
  paused: SharedArrayBuffer;
  /** See `GroupTally`: shared by all members, so that what a member did counts even if it ended mid-instruction. */
  tally: SharedArrayBuffer;
  /** Records that this member consumed, as one 64-bit number. */
  consumed: SharedArrayBuffer;
}

export type ToProducer =
  | { kind: 'rate'; recordsPerSecond: number }
  /** What is on its way is finished, nothing new is sent. */
  | { kind: 'stop' }
  | { kind: 'audit'; request: number };

export interface ProducerCounts {
  sent: number;
  acknowledged: number;
  failed: number;
  medianMs: number | null;
  p99Ms: number | null;
}

export type FromProducer =
  | { kind: 'connected' }
  | { kind: 'counts'; counts: ProducerCounts }
  | { kind: 'audit'; audit: LoadAudit }
  | { kind: 'audited'; request: number; audit: LoadAudit }
  | { kind: 'notAudited'; request: number; error: AppError }
  /** What a client complained of; null: it gets on again. */
  | { kind: 'complaint'; message: string | null }
  /** Nothing is sent any more, and why if nobody asked for that. The worker stays, for audits. */
  | { kind: 'ended'; reason: string | null };

export type ToMember = { kind: 'stop' } | { kind: 'pause' };

export type FromMember =
  | { kind: 'connected' }
  /** It has to join anew: the group rebalances, or its client has given up and is started again. */
  | { kind: 'rejoining' }
  | { kind: 'joined'; memberId: string; assignment: LoadMember['assignment'] }
  | { kind: 'paused' }
  | { kind: 'resumed' }
  | { kind: 'complaint'; message: string | null }
  /** It has left the group. */
  | { kind: 'ended' };
