/**
 * Finds the cause of a timeline entry among earlier entries. Every rule is in the table below: it compares subjects (broker, partition, group,
 * link) and order in time. A node reports only what it observes itself: a controller an expired session, not the kill behind it.
 */
import type { TimelineEvent, TimelineEventType } from '#shared/models/timeline';
import { OUT_OF_SERVICE, PROCESS_RESUMES } from '#shared/timeline/event-types';
import { faultFields, listedPartitions, numbersIn, numbersWithout } from '#shared/timeline/listed-partitions';
import {
  GROUPS_TOPIC,
  METADATA_TOPIC,
  clientLinkFault,
  concerns,
  controller,
  diskFault,
  disturbs,
  gainingLeadership,
  joiningIsr,
  leaders,
  leavingIsr,
  linkFault,
  possibly,
  previousLeader,
  reporter,
  sameBroker,
  sameGroup,
  sameMember,
  sameReporter,
  sameRun,
  sharePartition,
  subjectBroker,
  type Fit,
  type Fits,
} from './cause-subjects.ts';

/** The entries before the effect. */
export interface EntryHistory {
  /** Newest first, with the monotonic ms at which it was recorded, until `visitor` returns true. */
  visit(visitor: (entry: TimelineEvent, recordedMs: number) => boolean): void;
}

export interface Cause {
  entry: TimelineEvent;
  /** Subjects and order match, but the record does not prove it. */
  possible: boolean;
}

/** Time after which an entry of a point in time is no longer a cause. */
const WINDOW_MS = 60_000;
/** Effects of a fault or a suspension may occur this long after its end. */
const AFTERMATH_MS = 15_000;
const JOIN_WINDOW_MS = 15_000;
const REJOIN_WINDOW_MS = 2_000;
/** Maximum time between entries of several nodes about the same change. */
const SKEW_MS = 5_000;

const DOWN = [...OUT_OF_SERVICE];
const BACK = [...PROCESS_RESUMES];
const SETTING_OF_UNCLEAN_ELECTION = 'unclean.leader.election.enable';

interface Rule {
  causes: readonly TimelineEventType[];
  fits: Fits;
  /** An entry that ends the effects of earlier ones. */
  settledBy?: (entry: TimelineEvent, effect: TimelineEvent) => boolean;
  windowMs?: number;
}

const injected = (fits: Fits): Rule => ({ causes: ['lab/faultInjected'], fits });
/** The end of a fault with a matching effect: then even a fault that may be harmless is a proven cause. */
const healed = (fits: Fits, settledBy: NonNullable<Rule['settledBy']>): Rule => ({
  causes: ['lab/faultHealed'],
  fits: (cause, effect) => fits(cause, effect) !== false,
  settledBy,
});
/** The process did not run: peers and clients may have timed out. */
const suspended: Rule = { causes: ['cluster/processSuspended'], fits: () => 'possible', windowMs: AFTERMATH_MS };

const fencedBefore = (entry: TimelineEvent, effect: TimelineEvent): boolean =>
  entry.type === 'cluster/brokerFenced' && entry.broker === effect.broker;

const startedBefore = (entry: TimelineEvent, effect: TimelineEvent): boolean =>
  entry.type === 'lab/nodeStarted' && entry.broker === effect.broker;

/** The change of partitions names the controller's trigger. */
const triggered =
  (trigger: string, fits: Fits): Fits =>
  (cause, effect) =>
    effect.details?.['trigger'] === trigger && fits(cause, effect);

/** Removal of a broker on request fences it. */
const unlessRemoved =
  (fits: Fits): Fits =>
  (cause, effect) =>
    effect.details?.['trigger'] !== 'removal' && fits(cause, effect);

const electionSetting: Fits = ({ topic, details }, effect) => {
  const settings = details?.['settings'];
  if (typeof settings !== 'object' || settings === null || !Object.hasOwn(settings, SETTING_OF_UNCLEAN_ELECTION)) return false;
  return topic === undefined || listedPartitions(effect).some((item) => item.topic === topic);
};

const reassignmentEnded = (entry: TimelineEvent, effect: TimelineEvent): boolean =>
  (entry.type === 'partition/reassigned' || entry.type === 'partition/reassignmentCancelled') && sharePartition(entry, effect) === true;

const corruptionOfReporter: Fits = (cause, effect) => sameReporter(cause, effect) && sharePartition(cause, effect);

const electedSince = (entry: TimelineEvent, effect: TimelineEvent): boolean =>
  (entry.type === 'partition/leadersElected' || entry.type === 'partition/uncleanlyElected') && sharePartition(entry, effect) === true;

/** By the controller's trigger for an election: an election on request has no cause in the record. */
const MOVES: readonly Rule[] = [
  { causes: ['cluster/brokerFenced'], fits: triggered('fencing', sameBroker) },
  { causes: ['cluster/controlledShutdown'], fits: triggered('shutdown', sameBroker) },
  { causes: ['cluster/brokerUnfenced'], fits: triggered('unfencing', sameBroker) },
  { causes: ['cluster/brokerRegistered'], fits: triggered('registration', sameBroker) },
  { causes: ['cluster/brokerFenced'], fits: triggered('removal', sameBroker) },
  { causes: ['topic/configChanged'], fits: triggered('setting', electionSetting) },
  { causes: ['partition/reassignmentStarted'], fits: triggered('reassignment', sharePartition) },
  { causes: ['partition/repairBlocked', 'node/corruptionFound'], fits: triggered('repair', sharePartition) },
  { causes: ['cluster/brokerUnfenced'], fits: triggered('sweep', possibly(concerns(gainingLeadership))) },
];

/** By effect; a proven cause precedes a possible one, then the first rule, then the latest entry. */
export const RULES: Partial<Record<TimelineEventType, readonly Rule[]>> = {
  'scenario/ended': [{ causes: ['scenario/started'], fits: sameRun }],
  'cluster/controlledShutdown': [{ causes: ['lab/nodeStopped'], fits: sameBroker }],
  'cluster/brokerFenced': [
    { causes: ['cluster/controlledShutdown'], fits: unlessRemoved(sameBroker) },
    { causes: ['node/logDirectoryFailed'], fits: unlessRemoved(sameReporter), settledBy: startedBefore },
    { causes: DOWN, fits: unlessRemoved(sameReporter) },
    injected(unlessRemoved(linkFault(subjectBroker, controller))),
    injected(unlessRemoved(diskFault(subjectBroker))),
    { ...suspended, fits: unlessRemoved(suspended.fits) },
  ],
  'coordination/sessionExpired': [
    { causes: DOWN, fits: sameReporter },
    injected(clientLinkFault(reporter)),
    injected(possibly(linkFault(reporter))),
    suspended,
  ],
  'cluster/brokerRegistered': [
    { causes: BACK, fits: sameBroker },
    { causes: ['lab/faultHealed'], fits: linkFault(subjectBroker, controller) },
    { causes: ['lab/faultHealed'], fits: linkFault(subjectBroker) },
  ],
  'cluster/brokerUnfenced': [
    { causes: ['cluster/brokerRegistered'], fits: sameBroker, settledBy: fencedBefore },
    { causes: BACK, fits: sameBroker, settledBy: fencedBefore },
    healed(linkFault(subjectBroker, controller), fencedBefore),
    healed(diskFault(subjectBroker), fencedBefore),
    // A node that was thawed while its session expired.
    { causes: ['lab/nodeThawed'], fits: sameBroker, windowMs: AFTERMATH_MS },
    { causes: ['quorum/leaderElected'], fits: () => 'possible', settledBy: fencedBefore, windowMs: AFTERMATH_MS },
  ],
  'quorum/leaderResigned': [
    { causes: ['quorum/leaderElected'], fits: ({ broker }, effect) => broker !== effect.broker, settledBy: electedItself },
    { causes: ['lab/nodeStopped', 'lab/nodeFrozen'], fits: sameBroker },
    // A leader without a majority resigns: so many of its voters must be down or partitioned.
    { causes: DOWN, fits: possibly((cause, effect) => cause.broker !== effect.broker) },
    injected(possibly(linkFault(subjectBroker))),
    suspended,
  ],
  'quorum/leaderElected': [
    { causes: DOWN, fits: concerns(previousLeader) },
    { causes: ['quorum/leaderResigned'], fits: concerns(previousLeader), settledBy: ({ type }) => type === 'quorum/leaderElected' },
    injected(possibly(linkFault(previousLeader))),
    injected(possibly(diskFault(previousLeader))),
    suspended,
  ],
  'partition/leadersElected': MOVES,
  'partition/uncleanlyElected': MOVES,
  'partition/leadersLost': MOVES,
  'partition/reassigned': [{ causes: ['partition/reassignmentStarted'], fits: sharePartition, settledBy: reassignmentEnded }],
  'partition/reassignmentCancelled': [{ causes: ['partition/reassignmentStarted'], fits: sharePartition, settledBy: reassignmentEnded }],
  'partition/isrShrunk': [
    ...MOVES,
    { causes: DOWN, fits: triggered('lag', concerns(leavingIsr)) },
    injected(triggered('lag', linkFault(leavingIsr, leaders))),
    injected(triggered('lag', possibly(diskFault(leavingIsr)))),
    { causes: ['node/corruptionFound'], fits: triggered('lag', possibly(concerns(leavingIsr))) },
    suspended,
  ],
  'partition/isrExpanded': [
    { causes: ['partition/reassignmentStarted'], fits: addsReplica, settledBy: reassignmentEnded },
    { causes: ['cluster/brokerUnfenced'], fits: concerns(joiningIsr), settledBy: shrunkBefore },
    healed(linkFault(joiningIsr, leaders), shrunkBefore),
    healed(diskFault(joiningIsr), shrunkBefore),
    { causes: BACK, fits: concerns(joiningIsr), settledBy: shrunkBefore },
    { causes: ['partition/isrShrunk'], fits: leftBefore },
  ],
  'partition/truncated': [
    { causes: BACK, fits: sameReporter, settledBy: electedSince },
    { causes: ['lab/faultHealed'], fits: linkFault(reporter) },
    { causes: ['partition/leadersElected', 'partition/uncleanlyElected'], fits: sharePartition },
  ],
  'group/coordinatorMoved': [
    { causes: ['partition/leadersElected', 'partition/uncleanlyElected'], fits: movesCoordinator },
    { causes: ['lab/nodeStarted'], fits: ({ broker }, { details }) => broker !== undefined && broker === details?.['coordinator'] },
  ],
  'group/memberJoined': [
    { causes: ['load/started', 'load/changed', 'load/memberResumed'], fits: sameGroup, windowMs: JOIN_WINDOW_MS },
    // A client that is not replaced starts no other one.
    {
      causes: ['load/memberCrashed'],
      fits: (cause, effect) => (cause.details?.['replaced'] === false ? false : sameGroup(cause, effect)),
      windowMs: JOIN_WINDOW_MS,
    },
    { causes: ['group/coordinatorMoved'], fits: possibly(sameGroup), windowMs: JOIN_WINDOW_MS },
    suspended,
  ],
  'group/memberLeft': [{ causes: ['load/ended', 'load/changed'], fits: sameGroup }],
  'group/memberExpired': [
    { causes: ['load/memberCrashed', 'load/memberPaused'], fits: sameMember, settledBy: resumedBefore },
    { causes: ['cluster/processSuspended'], fits: silentSince },
    injected(clientLinkFault(reporter)),
  ],
  'group/rebalanceStarted': [
    {
      causes: ['group/memberExpired', 'group/memberLeft', 'group/memberJoined', 'group/coordinatorMoved'],
      fits: sameGroup,
      settledBy: (entry, effect) => entry.type === 'group/rebalanced' && sameGroup(entry, effect) === true,
    },
    // Members notice the new assignment and rejoin for another one.
    { causes: ['group/memberExpired'], fits: possibly(sameGroup), windowMs: REJOIN_WINDOW_MS },
    suspended,
  ],
  'group/rebalanced': [{ causes: ['group/rebalanceStarted'], fits: sameGroup }],
  'node/ready': [{ causes: ['lab/nodeStarted'], fits: sameBroker }],
  'node/logRecovered': [{ causes: ['lab/nodeStarted'], fits: sameReporter }],
  'node/corruptionFound': [
    injected(corruptsLog),
    // The end of a process loses no metadata.
    {
      causes: ['lab/powerCut', 'lab/nodeKilled'],
      fits: (cause, effect) =>
        cause.type === 'lab/nodeKilled' && effect.topic === METADATA_TOPIC ? false : sameReporter(cause, effect) && 'possible',
    },
  ],
  'node/segmentRepaired': [{ causes: ['node/corruptionFound'], fits: corruptionOfReporter }],
  'partition/repairBlocked': [{ causes: ['node/corruptionFound'], fits: corruptionOfReporter }],
  'node/logDirectoryFailed': [injected((cause, effect) => faultFields(cause).type === 'fullDisk' && sameReporter(cause, effect))],
  'node/failed': [
    injected((cause, effect) => faultFields(cause).type === 'fullDisk' && sameReporter(cause, effect)),
    injected((cause, effect) => faultFields(cause).type === 'corrupt' && sameReporter(cause, effect) && 'possible'),
  ],
};

/** `nowMs`: monotonic, when the effect is recorded. `effect` has its full lists; those of recorded entries may be truncated. */
export function findCause(effect: TimelineEvent, nowMs: number, history: EntryHistory): Cause | undefined {
  let possible: TimelineEvent | undefined;
  for (const { causes, fits, settledBy, windowMs } of RULES[effect.type] ?? []) {
    let proven: TimelineEvent | undefined;
    history.visit((entry, recordedMs) => {
      if (causes.includes(entry.type) && nowMs - recordedMs <= (windowMs ?? Infinity)) {
        const fit: Fit = fits(entry, effect);
        if (fit !== false && isInForce(entry, recordedMs, nowMs, history)) {
          if (fit === true) proven = entry;
          else possible ??= entry;
        }
      }
      return proven !== undefined || settledBy?.(entry, effect) === true;
    });
    if (proven !== undefined) return { entry: proven, possible: false };
  }
  return possible === undefined ? undefined : { entry: possible, possible: true };
}

/** A state (a broker that is down, a fault) is a cause while it lasts and for a short time after; any other entry for a minute. */
function isInForce(entry: TimelineEvent, recordedMs: number, nowMs: number, history: EntryHistory): boolean {
  const { broker, details } = entry;
  const since = (types: readonly TimelineEventType[], fits: (later: TimelineEvent) => boolean): number | undefined => {
    let found: number | undefined;
    history.visit((later, laterMs) => {
      if (later.id <= entry.id) return true;
      if (types.includes(later.type) && fits(later)) found = laterMs;
      return false;
    });
    return found;
  };
  const ofBroker = (later: TimelineEvent): boolean => later.broker === (broker ?? entry.node);
  if (OUT_OF_SERVICE.has(entry.type)) {
    if (since(['cluster/brokerUnfenced'], ofBroker) !== undefined) return false;
    const back = since(BACK, ofBroker);
    return back === undefined || nowMs - back <= AFTERMATH_MS;
  }
  switch (entry.type) {
    case 'cluster/brokerFenced':
    case 'cluster/controlledShutdown':
      return nowMs - recordedMs <= WINDOW_MS && since(['cluster/brokerUnfenced'], ofBroker) === undefined;
    case 'lab/faultInjected': {
      const end = since(['lab/faultHealed'], (later) => later.details?.['faultId'] === details?.['faultId']);
      // A healed corruption restored the bytes: corruption that is found later has another cause.
      return end === undefined || (!disturbs(entry, 'log') && nowMs - end <= AFTERMATH_MS);
    }
    case 'scenario/started':
    case 'quorum/leaderResigned':
    case 'load/memberCrashed':
    case 'load/memberPaused':
    case 'node/corruptionFound':
    case 'partition/reassignmentStarted':
      return true;
    default:
      return nowMs - recordedMs <= WINDOW_MS;
  }
}

/** Whether the reassignment adds one of the brokers that join an ISR, in the same partition. */
function addsReplica(cause: TimelineEvent, effect: TimelineEvent): Fit {
  if (sharePartition(cause, effect) === false) return false;
  const joining = joiningIsr(effect);
  const added = listedPartitions(cause).flatMap(({ from, to }) => numbersWithout(to, from));
  return added.some((id) => joining.includes(id)) && sharePartition(cause, effect);
}

function electedItself(entry: TimelineEvent, effect: TimelineEvent): boolean {
  return entry.type === 'quorum/leaderElected' && entry.broker === effect.broker;
}

/** Whether one of the joining brokers left the ISR of the same partition. Entries before that are settled. */
function shrunkBefore(entry: TimelineEvent, effect: TimelineEvent): boolean {
  return entry.type === 'partition/isrShrunk' && leftBefore(entry, effect) === true;
}

function leftBefore(cause: TimelineEvent, effect: TimelineEvent): Fit {
  const joining = joiningIsr(effect);
  return leavingIsr(cause).some((id) => joining.includes(id)) && sharePartition(cause, effect);
}

/** Whether the election moved the group's partition of the offsets topic to its new coordinator. */
function movesCoordinator(cause: TimelineEvent, effect: TimelineEvent): Fit {
  const items = listedPartitions(cause);
  const { coordinator, offsetsPartition } = effect.details ?? {};
  const fitting = items.filter(({ topic, to }) => topic === GROUPS_TOPIC && to === coordinator);
  if (fitting.some(({ partition }) => partition === offsetsPartition)) return true;
  return (cause.count ?? 0) > items.length || (offsetsPartition === undefined && fitting.length > 0) ? 'possible' : false;
}

/** Whether the member's last heartbeat preceded the resumption of the process. */
function silentSince(cause: TimelineEvent, effect: TimelineEvent): Fit {
  const silentMs = effect.details?.['silentMs'];
  return typeof silentMs === 'number' && effect.at - cause.at <= silentMs + SKEW_MS;
}

/** Whether the member was resumed before its last heartbeat. */
function resumedBefore(entry: TimelineEvent, effect: TimelineEvent): boolean {
  if (entry.type !== 'load/memberResumed' || sameMember(entry, effect) !== true) return false;
  const silentMs = effect.details?.['silentMs'];
  return effect.at - entry.at > (typeof silentMs === 'number' ? silentMs + SKEW_MS : WINDOW_MS);
}

/** Whether the fault is a corruption of the effect's log, or of any log of that node where the effect names none. */
function corruptsLog(cause: TimelineEvent, effect: TimelineEvent): Fit {
  const { topic, partition } = faultFields(cause);
  if (!disturbs(cause, 'log') || sameReporter(cause, effect) === false) return false;
  if (effect.topic === undefined) return 'possible';
  return topic === effect.topic && numbersIn(partition).some((id) => effect.partitions?.includes(id) === true);
}
