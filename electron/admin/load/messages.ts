/** Messages between the worker of a load and its supervisor (`services/loads.ts`). */
import type { AppError } from '#shared/errors';
import type { GroupLoad, LoadAudit, LoadMember, ProducerLoad } from '#shared/models/load';

/** Start data of a worker: one worker per producer load, one per member of a group load. */
export type LoadWorkerStart = ProducerStart | MemberStart;

export interface ProducerStart {
  kind: 'producer';
  bootstrap: string;
  /** See `ClusterClient`. */
  connectHost: string | undefined;
  spec: ProducerLoad;
  /** Eight hexadecimal digits, unique per load: distinguishes the records from those of an earlier load of the same name. */
  run: string;
}

export interface MemberStart {
  kind: 'member';
  bootstrap: string;
  /** See `ClusterClient`. */
  connectHost: string | undefined;
  spec: GroupLoad;
  number: number;
  /** 1 while the member is paused. */
  paused: SharedArrayBuffer;
  /** See `GroupTally`: shared by all members, so that records of a killed member are counted. */
  tally: SharedArrayBuffer;
  /** Records that this member consumed, as one 64-bit number. */
  consumed: SharedArrayBuffer;
}

export type ToProducer =
  | { kind: 'rate'; recordsPerSecond: number }
  /** Finishes the records in flight and sends no new ones. */
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
  /** Error of a client; null: the client has recovered. */
  | { kind: 'complaint'; message: string | null }
  /** The load has ended; `reason` unless it was stopped. The worker stays for audits. */
  | { kind: 'ended'; reason: string | null };

export type ToMember = { kind: 'stop' } | { kind: 'pause' };

export type FromMember =
  | { kind: 'connected' }
  /** The member rejoins: the group rebalances, or its consumer crashed and is restarted. */
  | { kind: 'rejoining' }
  | { kind: 'joined'; memberId: string; assignment: LoadMember['assignment'] }
  | { kind: 'paused' }
  | { kind: 'resumed' }
  | { kind: 'complaint'; message: string | null }
  /** The member has left the group. */
  | { kind: 'ended' };
