/** One case or more for every rule: the entry that is the cause, an entry of a matching type that is not, and possible causes. */
import { describe, expect, it } from 'vitest';
import { RULES } from '../../electron/cluster/event-causes.ts';
import type { NodeEvent } from '../../electron/cluster/lib/events.ts';
import type { TimelineEventType } from '../../shared/models/timeline.ts';
import { Timeline } from '../../electron/cluster/timeline.ts';

interface Step extends Partial<Omit<NodeEvent, 'type'>> {
  type: TimelineEventType;
  /** The node that reports it; absent: the supervisor. */
  node?: number;
  /** Marks the expected cause. */
  cause?: 'proven' | 'possible';
}

interface Case {
  title: string;
  /** In order, one second apart unless `at` is given; the last one is the effect. */
  steps: Step[];
}

const fault = (id: number, spec: Record<string, unknown>, brokers: number[] = []): Pick<Step, 'type' | 'details' | 'broker'> => ({
  type: 'lab/faultInjected',
  ...(typeof spec['node'] === 'number' ? { broker: spec['node'] } : {}),
  details: { faultId: id, fault: spec, brokers },
});
const heal = (id: number, spec: Record<string, unknown>): Pick<Step, 'type' | 'details' | 'broker'> => ({
  ...fault(id, spec),
  type: 'lab/faultHealed',
});
const cut = (a: number | 'clients', b: number | 'clients'): Record<string, unknown> => ({
  type: 'partition',
  between: [a, b],
  direction: 'both',
});
const slow = (a: number | 'clients', b: number | 'clients'): Record<string, unknown> => ({ ...cut(a, b), type: 'slowLink' });
const move = (topic: string, partition: number, from: number, to: number) => ({ topic, partition, from, to });
const isr = (topic: string, partition: number, from: number[], to: number[], leader = 1) => ({ topic, partition, from, to, leader });
const moved = (trigger: string, ...moves: ReturnType<typeof move>[]): Step => ({
  type: 'partition/leadersElected',
  node: 1,
  details: { trigger, moves },
});
const shrunk = (trigger: string, ...changes: ReturnType<typeof isr>[]): Step => ({
  type: 'partition/isrShrunk',
  node: 1,
  details: { trigger, changes },
});
const expanded = (...changes: ReturnType<typeof isr>[]): Step => ({ type: 'partition/isrExpanded', node: 1, details: { changes } });
const reassign = (topic: string, partition: number, from: number[], to: number[]): Step => ({
  type: 'partition/reassignmentStarted',
  node: 1,
  details: { changes: [{ topic, partition, from, to }] },
});
const start = (node: number): Step => ({ type: 'lab/nodeStarted', broker: node });
const unfenced = (broker: number): Step => ({ type: 'cluster/brokerUnfenced', node: 1, broker });
const registered = (broker: number): Step => ({ type: 'cluster/brokerRegistered', node: 1, broker });
const fenced = (broker: number): Step => ({ type: 'cluster/brokerFenced', node: 1, broker });
const killed = (broker: number): Step => ({ type: 'lab/nodeKilled', broker });
const proven = <T extends object>(step: T): T & { cause: 'proven' } => ({ ...step, cause: 'proven' });
const possible = <T extends object>(step: T): T & { cause: 'possible' } => ({ ...step, cause: 'possible' });

const CASES: Case[] = [
  {
    title: 'scenario/ended: the start of the same run, however long ago',
    steps: [
      proven({ type: 'scenario/started', at: 0, details: { runId: 1 } }),
      { type: 'scenario/started', at: 1, details: { runId: 2 } },
      { type: 'scenario/ended', at: 900_000, details: { runId: 1 } },
    ],
  },
  {
    title: 'cluster/controlledShutdown: the stop of the same node',
    steps: [
      proven({ type: 'lab/nodeStopped', broker: 2 }),
      { type: 'lab/nodeStopped', broker: 3 },
      { type: 'cluster/controlledShutdown', node: 1, broker: 2 },
    ],
  },
  {
    title: 'cluster/brokerFenced: a controlled shutdown of the same broker',
    steps: [{ type: 'lab/nodeStopped', broker: 2 }, proven({ type: 'cluster/controlledShutdown', node: 1, broker: 2 }), fenced(2)],
  },
  {
    title: 'cluster/brokerFenced: the kill of a node that is still down, after a minute',
    steps: [proven({ ...killed(2), at: 0 }), { ...fenced(2), at: 90_000 }],
  },
  {
    title: 'cluster/brokerFenced: not a kill that ended with a restart long before',
    steps: [
      { ...killed(2), at: 0 },
      { ...start(2), at: 5_000 },
      { ...unfenced(2), at: 7_000 },
      { ...fenced(2), at: 40_000 },
    ],
  },
  {
    title: 'cluster/brokerFenced: not a freeze that ended without fencing long before',
    steps: [
      { type: 'lab/nodeFrozen', broker: 2, at: 0 },
      { type: 'lab/nodeThawed', broker: 2, at: 1_000 },
      { ...fenced(2), at: 30_000 },
    ],
  },
  {
    title: 'cluster/brokerFenced: the freeze that ended while the session expired',
    steps: [
      proven({ type: 'lab/nodeFrozen' as const, broker: 2, at: 0 }),
      { type: 'lab/nodeThawed', broker: 2, at: 2_900 },
      { ...fenced(2), at: 3_000 },
    ],
  },
  {
    title: 'cluster/brokerFenced: a cut between it and the controller, not one between it and another node',
    steps: [proven(fault(1, cut(1, 2))), fault(2, cut(2, 3)), fenced(2)],
  },
  { title: 'cluster/brokerFenced: not a cut between it and clients', steps: [fault(1, cut(2, 'clients')), fenced(2)] },
  { title: 'cluster/brokerFenced: a slow link to the controller is possible only', steps: [possible(fault(1, slow(1, 2))), fenced(2)] },
  {
    title: 'cluster/brokerFenced: no fault where the broker was removed on request',
    steps: [killed(2), fault(1, cut(1, 2)), { type: 'cluster/processSuspended' }, { ...fenced(2), details: { trigger: 'removal' } }],
  },
  { title: 'cluster/brokerFenced: its full disk', steps: [proven(fault(1, { type: 'fullDisk', node: 2 })), fenced(2)] },
  { title: 'cluster/brokerFenced: its slow disk is possible only', steps: [possible(fault(1, { type: 'slowDisk', node: 2 })), fenced(2)] },
  {
    title: 'cluster/brokerFenced: the failure of its log directory',
    steps: [proven({ type: 'node/logDirectoryFailed', node: 2, broker: 2 }), fenced(2)],
  },
  {
    title: 'cluster/brokerFenced: not the failure of a log directory before its last start',
    steps: [{ type: 'node/logDirectoryFailed', node: 2, broker: 2 }, start(2), fenced(2)],
  },
  {
    title: 'cluster/brokerFenced: not a fault that was healed long before',
    steps: [
      { ...fault(1, cut(1, 2)), at: 0 },
      { ...heal(1, cut(1, 2)), at: 1_000 },
      { ...fenced(2), at: 30_000 },
    ],
  },
  {
    title: 'cluster/brokerFenced: a suspension of the process is possible',
    steps: [possible({ type: 'cluster/processSuspended' }), fenced(2)],
  },
  {
    title: 'coordination/sessionExpired: the end of the node that kept it',
    steps: [proven(killed(2)), killed(3), { type: 'coordination/sessionExpired', node: 1, broker: 2 }],
  },
  {
    title: 'coordination/sessionExpired: a cut between its node and clients is possible',
    steps: [
      possible(fault(1, cut(2, 'clients'))),
      fault(2, cut(3, 'clients')),
      { type: 'coordination/sessionExpired', node: 1, broker: 2 },
    ],
  },
  { title: 'cluster/brokerRegistered: the start of the same node', steps: [proven(start(2)), start(3), registered(2)] },
  {
    title: 'cluster/brokerRegistered: the end of its cut from the controller',
    steps: [fault(1, cut(1, 2)), proven(heal(1, cut(1, 2))), registered(2)],
  },
  { title: 'cluster/brokerUnfenced: its registration', steps: [start(2), proven(registered(2)), unfenced(2)] },
  {
    title: 'cluster/brokerUnfenced: the end of a cut, not the registration before it was fenced',
    steps: [start(2), registered(2), unfenced(2), fault(1, cut(1, 2)), fenced(2), proven(heal(1, cut(1, 2))), unfenced(2)],
  },
  {
    title: 'cluster/brokerUnfenced: its thaw',
    steps: [
      registered(2),
      unfenced(2),
      { type: 'lab/nodeFrozen', broker: 2 },
      fenced(2),
      proven({ type: 'lab/nodeThawed', broker: 2 }),
      unfenced(2),
    ],
  },
  {
    title: 'cluster/brokerUnfenced: a new controller is possible',
    steps: [fenced(2), possible({ type: 'quorum/leaderElected', node: 3, broker: 3 }), { ...unfenced(2), node: 3 }],
  },
  {
    title: 'quorum/leaderResigned: the election of another node while it was frozen',
    steps: [
      { type: 'quorum/leaderElected', node: 1, broker: 1, details: { epoch: 1 } },
      { type: 'lab/nodeFrozen', broker: 1 },
      proven({ type: 'quorum/leaderElected', node: 2, broker: 2, details: { epoch: 2 } }),
      { type: 'quorum/leaderResigned', node: 1, broker: 1, details: { epoch: 1 } },
    ],
  },
  {
    title: 'quorum/leaderResigned: the end of other voters is possible, an election before its own is not',
    steps: [
      { type: 'quorum/leaderElected', node: 2, broker: 2, details: { epoch: 1 } },
      { type: 'quorum/leaderElected', node: 1, broker: 1, details: { epoch: 2 } },
      killed(3),
      possible(killed(2)),
      { type: 'quorum/leaderResigned', node: 1, broker: 1, details: { epoch: 2 } },
    ],
  },
  {
    title: 'quorum/leaderElected: the end of the previous leader, not an earlier one of the new leader',
    steps: [
      { type: 'quorum/leaderElected', node: 1, broker: 1, details: { epoch: 1 } },
      proven(killed(1)),
      killed(2),
      start(2),
      { type: 'quorum/leaderElected', node: 2, broker: 2, details: { epoch: 2 } },
    ],
  },
  {
    title: 'quorum/leaderElected: the resignation of the previous leader, however long there was none',
    steps: [
      { type: 'quorum/leaderElected', node: 1, broker: 1, at: 0, details: { epoch: 1 } },
      proven({ type: 'quorum/leaderResigned' as const, node: 1, broker: 1, at: 1_000, details: { epoch: 1 } }),
      { type: 'quorum/leaderElected', node: 1, broker: 1, at: 91_000, details: { epoch: 2 } },
    ],
  },
  {
    title: 'quorum/leaderElected: a cut of the previous leader is possible',
    steps: [
      { type: 'quorum/leaderElected', node: 1, broker: 1, details: { epoch: 1 } },
      fault(1, cut(2, 3)),
      fault(2, cut(1, 'clients')),
      possible(fault(3, cut(1, 3))),
      { type: 'quorum/leaderElected', node: 2, broker: 2, details: { epoch: 2 } },
    ],
  },
  {
    title: 'partition/leadersElected: the fencing of the broker that led',
    steps: [proven(fenced(3)), fenced(2), { ...moved('fencing', move('t', 0, 3, 1)), broker: 3 }],
  },
  {
    title: 'partition/leadersElected: the controlled shutdown of the broker that led',
    steps: [
      proven({ type: 'cluster/controlledShutdown', node: 1, broker: 3 }),
      fenced(2),
      { ...moved('shutdown', move('t', 0, 3, 1)), broker: 3 },
    ],
  },
  {
    title: 'partition/leadersElected: the broker that is back',
    steps: [proven(unfenced(3)), { ...moved('unfencing', move('t', 0, -1, 3)), broker: 3 }],
  },
  {
    title: 'partition/leadersElected: a request has no cause, though a broker came back',
    steps: [unfenced(3), moved('request', move('t', 0, 1, 3))],
  },
  {
    title: 'partition/leadersElected: the reassignment of that partition, not a broker that came back',
    steps: [
      proven(reassign('t', 0, [1, 2], [3, 2])),
      reassign('u', 0, [1, 2], [3, 2]),
      unfenced(3),
      moved('reassignment', move('t', 0, 1, 3)),
    ],
  },
  {
    title: 'partition/leadersElected: the corruption that its leader found in that partition',
    steps: [
      proven({ type: 'node/corruptionFound', node: 1, broker: 1, topic: 't', partitions: [0] }),
      { type: 'node/corruptionFound', node: 1, broker: 1, topic: 'u', partitions: [0] },
      moved('repair', move('t', 0, 1, 2)),
    ],
  },
  {
    title: 'partition/leadersElected: a sweep after a broker came back is possible',
    steps: [possible(unfenced(3)), moved('sweep', move('t', 0, -1, 3))],
  },
  {
    title: 'partition/uncleanlyElected: the setting of that topic, not another setting and not another topic',
    steps: [
      proven({
        type: 'topic/configChanged',
        node: 1,
        topic: 'orders',
        details: { settings: { 'unclean.leader.election.enable': 'true' } },
      }),
      { type: 'topic/configChanged', node: 1, topic: 'orders', details: { settings: { 'retention.ms': '1' } } },
      { type: 'topic/configChanged', node: 1, topic: 'invoices', details: { settings: { 'unclean.leader.election.enable': 'true' } } },
      { type: 'partition/uncleanlyElected', node: 1, details: { trigger: 'setting', moves: [move('orders', 0, -1, 3)] } },
    ],
  },
  {
    title: 'partition/uncleanlyElected: not a change of retention of another topic',
    steps: [
      { type: 'topic/configChanged', node: 1, topic: 'invoices', details: { settings: { 'retention.ms': '1' } } },
      { type: 'partition/uncleanlyElected', node: 1, details: { trigger: 'request', moves: [move('orders', 0, -1, 3)] } },
    ],
  },
  {
    title: 'partition/leadersLost: the fencing of the broker that led',
    steps: [
      proven(fenced(3)),
      { type: 'partition/leadersLost', node: 1, broker: 3, details: { trigger: 'fencing', partitions: [move('t', 0, 3, -1)] } },
    ],
  },
  {
    title: 'partition/reassigned: the reassignment of the same partition',
    steps: [
      proven(reassign('b', 0, [1], [2])),
      reassign('a', 0, [1], [2]),
      { type: 'partition/reassigned', node: 1, details: { changes: [{ topic: 'b', partition: 0, from: [1], to: [2] }] } },
    ],
  },
  {
    title: 'partition/reassigned: not a reassignment that was cancelled before',
    steps: [
      reassign('b', 0, [1], [2]),
      { type: 'partition/reassignmentCancelled', node: 1, details: { changes: [{ topic: 'b', partition: 0, from: [2], to: [1] }] } },
      { type: 'partition/reassigned', node: 1, details: { changes: [{ topic: 'b', partition: 0, from: [1], to: [2] }] } },
    ],
  },
  {
    title: 'partition/reassignmentCancelled: the reassignment of the same partition',
    steps: [
      proven(reassign('b', 0, [1], [2])),
      reassign('a', 0, [1], [2]),
      { type: 'partition/reassignmentCancelled', node: 1, details: { changes: [{ topic: 'b', partition: 0, from: [2], to: [1] }] } },
    ],
  },
  {
    title: 'partition/isrShrunk: the cut between the follower that left and the leader',
    steps: [proven(fault(1, cut(1, 3))), fault(2, cut(2, 3)), fault(3, cut(3, 'clients')), shrunk('lag', isr('t', 0, [1, 2, 3], [1, 2]))],
  },
  {
    title: 'partition/isrShrunk: the freeze of the follower that left',
    steps: [proven({ type: 'lab/nodeFrozen', broker: 3 }), shrunk('lag', isr('t', 0, [1, 3], [1]))],
  },
  {
    title: 'partition/isrShrunk: the slow disk of the follower that left is possible',
    steps: [
      possible(fault(1, { type: 'slowDisk', node: 3 })),
      fault(2, { type: 'slowDisk', node: 1 }),
      shrunk('lag', isr('t', 0, [1, 3], [1])),
    ],
  },
  {
    title: 'partition/isrShrunk: no fault of another broker',
    steps: [killed(2), fenced(2), shrunk('lag', isr('t', 0, [1, 3], [1]))],
  },
  {
    title: 'partition/isrExpanded: the broker that came back, after it had left',
    steps: [
      { ...shrunk('fencing', isr('t', 0, [1, 2], [1])), broker: 2 },
      start(2),
      proven(unfenced(2)),
      expanded(isr('t', 0, [1], [1, 2])),
    ],
  },
  {
    title: 'partition/isrExpanded: the end of the cut, not the unfencing before the follower left',
    steps: [
      unfenced(2),
      fault(1, cut(1, 2)),
      shrunk('lag', isr('t', 0, [1, 2], [1])),
      proven(heal(1, cut(1, 2))),
      expanded(isr('t', 0, [1], [1, 2])),
    ],
  },
  {
    title: 'partition/isrExpanded: the reassignment that added the replica, not its unfencing',
    steps: [proven(reassign('t', 0, [1, 2], [1, 3])), unfenced(3), expanded(isr('t', 0, [1, 2], [1, 2, 3]))],
  },
  {
    title: 'partition/isrExpanded: with no other cause, the follower had left before',
    steps: [
      unfenced(2),
      proven(shrunk('lag', isr('t', 0, [1, 2], [1]))),
      shrunk('lag', isr('u', 0, [1, 2], [1])),
      expanded(isr('t', 0, [1], [1, 2])),
    ],
  },
  {
    title: 'partition/truncated: the election of the same partition, not a later one of another partition on another broker',
    steps: [
      proven(moved('fencing', move('t', 0, 3, 1))),
      moved('fencing', move('u', 4, 3, 2)),
      { type: 'partition/truncated', node: 2, broker: 2, topic: 't', partitions: [0] },
    ],
  },
  {
    title: 'partition/truncated: the restart of the broker after another was elected',
    steps: [
      moved('fencing', move('t', 0, 3, 1)),
      proven(start(3)),
      { type: 'partition/truncated', node: 3, broker: 3, topic: 't', partitions: [0] },
    ],
  },
  {
    title: 'group/coordinatorMoved: the election of its partition of the offsets topic',
    steps: [
      proven(moved('fencing', move('__consumer_offsets', 7, 3, 2))),
      moved('fencing', move('__consumer_offsets', 8, 3, 2)),
      { type: 'group/coordinatorMoved', node: 2, group: 'g', details: { coordinator: 2, offsetsPartition: 7 } },
    ],
  },
  {
    title: 'group/coordinatorMoved: the restart of a coordinator that kept its partition',
    steps: [
      proven(start(2)),
      start(3),
      { type: 'group/coordinatorMoved', node: 2, group: 'g', details: { coordinator: 2, offsetsPartition: 7 } },
    ],
  },
  {
    title: 'group/memberJoined: the load that started its members',
    steps: [
      proven({ type: 'load/started', group: 'g' }),
      { type: 'load/started', group: 'h' },
      { type: 'group/memberJoined', node: 1, group: 'g' },
    ],
  },
  {
    title: 'group/memberJoined: not a crash that nothing replaces',
    steps: [
      { type: 'load/memberCrashed', group: 'g', details: { replaced: false } },
      { type: 'group/memberJoined', node: 1, group: 'g' },
    ],
  },
  {
    title: 'group/memberJoined: a coordinator that moved is possible',
    steps: [possible({ type: 'group/coordinatorMoved', node: 1, group: 'g' }), { type: 'group/memberJoined', node: 1, group: 'g' }],
  },
  {
    title: 'group/memberLeft: the end of its load',
    steps: [
      proven({ type: 'load/ended', group: 'g' }),
      { type: 'load/ended', group: 'h' },
      { type: 'group/memberLeft', node: 1, group: 'g' },
    ],
  },
  {
    title: 'group/memberExpired: the crash of the same member, however long its session',
    steps: [
      proven({ type: 'load/memberCrashed', group: 'g', at: 0, details: { memberId: 'a' } }),
      { type: 'load/memberCrashed', group: 'g', at: 1, details: { memberId: 'b' } },
      { type: 'group/memberExpired', node: 1, group: 'g', at: 300_000, details: { memberId: 'a' } },
    ],
  },
  {
    title: 'group/memberExpired: no pause that ended before its silence began',
    steps: [
      { type: 'load/memberPaused', group: 'g', at: 0, details: { memberId: 'a' } },
      { type: 'load/memberResumed', group: 'g', at: 2_000, details: { memberId: 'a' } },
      { type: 'group/memberExpired', node: 1, group: 'g', at: 300_000, details: { memberId: 'a', silentMs: 10_000 } },
    ],
  },
  {
    title: 'group/memberExpired: a pause whose end came too late, also after that of another member',
    steps: [
      proven({ type: 'load/memberPaused', group: 'g', at: 0, details: { memberId: 'a' } }),
      { type: 'load/memberResumed', group: 'g', at: 1_000, details: { memberId: 'b' } },
      { type: 'load/memberResumed', group: 'g', at: 11_900, details: { memberId: 'a' } },
      { type: 'group/memberExpired', node: 1, group: 'g', at: 12_000, details: { memberId: 'a', silentMs: 10_000 } },
    ],
  },
  {
    title: 'group/memberExpired: a cut between clients and its coordinator, not another broker',
    steps: [possible(fault(1, cut('clients', 1))), fault(2, cut('clients', 2)), { type: 'group/memberExpired', node: 1, group: 'g' }],
  },
  {
    title: 'group/memberExpired: a suspension within its silence',
    steps: [
      proven({ type: 'cluster/processSuspended', at: 0 }),
      { type: 'group/memberExpired', node: 1, group: 'g', at: 40_000, details: { silentMs: 45_000 } },
    ],
  },
  {
    title: 'group/rebalanceStarted: the member of the same group that expired',
    steps: [
      proven({ type: 'group/memberExpired', node: 1, group: 'g' }),
      { type: 'group/memberExpired', node: 1, group: 'h' },
      { type: 'group/rebalanceStarted', node: 1, group: 'g' },
    ],
  },
  {
    title: 'group/rebalanceStarted: a member that expired just before the previous rebalance ended is possible',
    steps: [
      possible({ type: 'group/memberExpired', node: 1, group: 'g', at: 0 }),
      { type: 'group/rebalanced', node: 1, group: 'g', at: 10 },
      { type: 'group/rebalanceStarted', node: 1, group: 'g', at: 64 },
    ],
  },
  {
    title: 'group/rebalanceStarted: a suspension is possible',
    steps: [possible({ type: 'cluster/processSuspended' }), { type: 'group/rebalanceStarted', node: 1, group: 'g' }],
  },
  {
    title: 'group/rebalanced: the start of the same rebalance',
    steps: [
      proven({ type: 'group/rebalanceStarted', node: 1, group: 'g' }),
      { type: 'group/rebalanceStarted', node: 1, group: 'h' },
      { type: 'group/rebalanced', node: 1, group: 'g' },
    ],
  },
  { title: 'node/ready: the start of the same node', steps: [proven(start(2)), start(3), { type: 'node/ready', node: 2, broker: 2 }] },
  {
    title: 'node/logRecovered: the start of the same node',
    steps: [proven(start(2)), start(3), { type: 'node/logRecovered', node: 2, broker: 2 }],
  },
  {
    title: 'node/corruptionFound: the corruption of that log',
    steps: [
      proven(fault(1, { type: 'corrupt', node: 2, topic: 't', partition: 0 })),
      fault(2, { type: 'corrupt', node: 2, topic: 't', partition: 1 }),
      { type: 'node/corruptionFound', node: 2, broker: 2, topic: 't', partitions: [0] },
    ],
  },
  {
    title: 'node/corruptionFound: a kill is possible, and of metadata it is not',
    steps: [possible(killed(2)), { type: 'node/corruptionFound', node: 2, broker: 2, topic: 't', partitions: [0] }],
  },
  {
    title: 'node/corruptionFound: not a kill where metadata was corrupted',
    steps: [killed(2), { type: 'node/corruptionFound', node: 2, broker: 2, topic: '__cluster_metadata', partitions: [0] }],
  },
  ...(['node/segmentRepaired', 'partition/repairBlocked'] as const).map((type): Case => ({
    title: `${type}: the corruption that the same broker found in the same log`,
    steps: [
      proven({ type: 'node/corruptionFound', node: 2, broker: 2, topic: 't', partitions: [0] }),
      { type: 'node/corruptionFound', node: 3, broker: 3, topic: 't', partitions: [0] },
      { type: 'node/corruptionFound', node: 2, broker: 2, topic: 't', partitions: [1] },
      { type, node: 2, broker: 2, topic: 't', partitions: [0] },
    ],
  })),
  {
    title: 'node/logDirectoryFailed: the full disk of the same node',
    steps: [
      proven(fault(1, { type: 'fullDisk', node: 2 })),
      fault(2, { type: 'fullDisk', node: 3 }),
      { type: 'node/logDirectoryFailed', node: 2, broker: 2 },
    ],
  },
  {
    title: 'node/failed: the full disk of the same node',
    steps: [proven(fault(1, { type: 'fullDisk', node: 2 })), fault(2, { type: 'fullDisk', node: 3 }), { type: 'node/failed', broker: 2 }],
  },
  {
    title: 'node/failed: corruption on the same node is possible',
    steps: [possible(fault(1, { type: 'corrupt', node: 2 })), { type: 'node/failed', broker: 2 }],
  },
];

describe('causes of events', () => {
  it.each(CASES)('$title', ({ steps }) => {
    const timeline = new Timeline();
    const entries = steps.map(({ node, cause, at, ...event }, i) => ({
      cause,
      entry: timeline.record(node ?? null, { ...event, at: at ?? i * 1_000 }),
    }));
    const effect = entries.at(-1)?.entry;
    const expected = entries.find(({ cause }) => cause !== undefined);
    expect({ causeId: effect?.causeId, possible: effect?.causeIsPossible ?? false }).toEqual({
      causeId: expected?.entry?.id,
      possible: expected?.cause === 'possible',
    });
  });

  it('has a case for every type of effect', () => {
    const covered = new Set(CASES.map(({ steps }) => steps.at(-1)?.type));
    expect(Object.keys(RULES).filter((type) => !covered.has(type as TimelineEventType))).toEqual([]);
  });

  it('calls a cause possible where the list that would prove it was truncated', () => {
    const timeline = new Timeline();
    const moves = Array.from({ length: 3_000 }, (_, partition) => move('t', partition, 3, 1));
    const elected = timeline.record(1, { type: 'partition/leadersElected', at: 0, details: { trigger: 'request', moves } });
    const truncated = (partition: number) =>
      timeline.record(2, { type: 'partition/truncated', at: 1, broker: 2, topic: 't', partitions: [partition] });
    expect(truncated(5)).toMatchObject({ causeId: elected?.id });
    expect(truncated(5)?.causeIsPossible).toBeUndefined();
    expect(truncated(2_500)).toMatchObject({ causeId: elected?.id, causeIsPossible: true });
  });

  it('compares the full list of an effect, also where the recorded one is truncated', () => {
    const timeline = new Timeline();
    const started = timeline.record(1, { ...reassign('t', 2_500, [1], [2]), at: 0 });
    const changes = Array.from({ length: 3_000 }, (_, partition) => ({ topic: 't', partition, from: [1], to: [2] }));
    const done = timeline.record(1, { type: 'partition/reassigned', at: 1, details: { changes } });
    expect(done).toMatchObject({ causeId: started?.id, count: 3_000 });
    expect(done?.causeIsPossible).toBeUndefined();
  });

  it('measures by the clock of the process, since the clock of a node may be an hour off', () => {
    let nowMs = 0;
    const timeline = new Timeline(() => nowMs);
    const kill = timeline.record(null, { ...killed(2), at: 10_000_000 });
    nowMs = 3_000;
    expect(timeline.record(1, { ...fenced(2), at: 10_000_000 - 3_600_000 })?.causeId).toBe(kill?.id);
  });
});
