/**
 * The contract between the renderer and the main process: every request with the schema of its payload and the type of
 * its result, and every event. Both sides take their types from here; the main side parses each payload on arrival
 * (`electron/ipc/handle.ts`), whichever transport brought it. Nothing else crosses.
 *
 * More than 400 lines: one list of all channels, an entry each.
 */
import * as z from 'zod';
import type { AppError, Result } from './errors.ts';
import { faultSchema } from './fault-schema.ts';
import { loadSchema } from './load-schema.ts';
import {
  groupId,
  INT16_MAX,
  INT32_MAX,
  learnPath,
  loadId,
  nodeId,
  offset,
  onConnection,
  partitionId,
  partitionIds,
  placeInLog,
  recordText,
  settings,
  settingValue,
  shownGroup,
  shownTopicId,
  topicName,
  znodePath,
} from './payload-fields.ts';
import type { Delta } from './delta.ts';
import type { IncidentRecord } from './incidents/record.ts';
import type { BrokerRow, ClusterView, ConfigEntry, Connection, CutBatch, GroupRow, RecordRow, TopicRow } from './models/cluster.ts';
import { CLUSTER_FIGURES, MAX_POINTS, MIN_POINTS, type FigureRange } from './models/figures.ts';
import type { HistoryRange, Moment } from './models/history.ts';
import type { ZooKeeperClients, FiredWatch } from './models/zookeeper-clients.ts';
import type { Fault, Znode } from './models/lab.ts';
import type { EmbeddedListeners } from './models/listeners.ts';
import type { LoadAudit, LoadRow } from './models/load.ts';
import type { ScenarioOutline, ScenarioProblem, ScenarioReport, ScenarioRun, ScenarioSummary } from './models/scenario.ts';
import type { TimelineEvent } from './models/timeline.ts';

const wallClockMs = z.number().int().min(0).max(8.64e15);
/** A range of time, wall-clock ms, and how many points of it are wanted at most. */
const figureSpan = { from: wallClockMs, until: wallClockMs, points: z.number().int().min(MIN_POINTS).max(MAX_POINTS) };

/** Payload schemas by channel. Names: subject/verb. */
export const requestSchemas = {
  'app/info': z.object({}),
  'connection/list': z.object({}),
  /** Selects the connection for this client, a window or a tab: only then are requests about it accepted, and its events delivered. */
  'connection/use': z.object({ id: z.string() }),
  /** Connects first, and stores nothing if no broker answers. Does not select the connection. */
  'connection/add': z.object({
    name: z.string().min(1).max(100),
    bootstrap: z.string().min(1).max(2_000),
    colour: z.enum(['flow', 'accent', 'warn', 'bad', 'control']),
  }),
  'connection/remove': z.object({ id: z.string() }),
  /** Restores a connection that was removed in this run, with its id and at its index, without connecting. */
  'connection/restore': z.object({ id: z.string() }),

  'embedded/listeners': z.object({}),
  /** Takes effect at the next start. A `bindHost` of null is this machine only; `advertisedHost` is then ignored. */
  'embedded/saveListeners': z.object({ bindHost: z.string().max(1_000).nullable(), advertisedHost: z.string().max(1_000).nullable() }),

  /** The whole view; patches (`cluster/patched`) follow from its version on. */
  'cluster/view': onConnection({}),
  /** What this client's page shows. Main polls the union over the clients of a connection, and only that. */
  'cluster/watch': onConnection({
    topics: z.union([z.literal('none'), z.literal('all'), z.array(topicName).max(1_000)]),
    groups: z.union([z.literal('none'), z.literal('all'), z.array(groupId).max(1_000)]),
  }),
  /** Starts a round of polls now (F5). */
  'cluster/refresh': onConnection({}),
  /** Figures of the whole cluster over time. */
  'cluster/figureRange': onConnection({ figures: z.array(z.enum(CLUSTER_FIGURES)).min(1).max(CLUSTER_FIGURES.length), ...figureSpan }),
  /** Records per second by topic over time: written, or read by consumer groups. */
  'cluster/topicRateRange': onConnection({ direction: z.enum(['written', 'read']), ...figureSpan }),

  'topic/create': onConnection({
    name: z.string().max(500),
    partitions: z.number().int().min(-1).max(INT32_MAX),
    replicationFactor: z.number().int().min(-1).max(INT16_MAX),
    configs: settings(settingValue),
    validateOnly: z.boolean(),
  }),
  /** Refused, as are the three below, when the topic's present id is not the one that was shown: it was re-created. */
  'topic/delete': onConnection({ name: topicName, topicId: shownTopicId, typedName: z.string().max(500) }),
  'topic/addPartitions': onConnection({ name: topicName, topicId: shownTopicId, total: z.number().int().min(0).max(INT32_MAX) }),
  /** Deletes the records before each offset on every replica (DeleteRecords). */
  'topic/deleteRecords': onConnection({
    name: topicName,
    topicId: shownTopicId,
    places: z
      .array(z.object({ partition: partitionId, before: placeInLog }))
      .min(1)
      .max(10_000),
  }),
  /** Elects the preferred leader of each partition, the first of its replicas. */
  'topic/electPreferred': onConnection({ name: topicName }),
  'topic/configs': onConnection({ name: topicName }),
  /** Null removes the override. Only what is named is changed. */
  'topic/setConfigs': onConnection({ name: topicName, topicId: shownTopicId, configs: settings(settingValue.nullable()) }),

  'message/browse': onConnection({
    topic: topicName,
    /** Null: all of them. */
    partitions: partitionIds.nullable(),
    from: z.discriminatedUnion('kind', [
      z.object({ kind: z.literal('newest') }),
      z.object({ kind: z.literal('oldest') }),
      z.object({ kind: z.literal('offset'), offset }),
      z.object({ kind: z.literal('time'), timestamp: z.number().int().min(0) }),
    ]),
    limit: z.number().int().min(1).max(2_000),
  }),
  'message/produce': onConnection({
    topic: topicName,
    /** Null: the partitioner decides. */
    partition: partitionId.nullable(),
    key: recordText,
    value: recordText,
    /** In this order; a name may be empty or repeated. */
    headers: z.array(z.object({ key: z.string().max(INT16_MAX), value: recordText })).max(100),
    acks: z.union([z.literal(-1), z.literal(0), z.literal(1)]),
    /** An idempotent producer: a retried batch is stored once. */
    idempotent: z.boolean().optional(),
  }).refine(({ acks, idempotent }) => idempotent !== true || acks === -1, {
    error: 'needs acks=all',
    path: ['idempotent'],
  }),
  /** One key, value or header value in full: lists carry the first 64 KiB. */
  'message/value': onConnection({
    topic: topicName,
    partition: partitionId,
    offset: placeInLog,
    part: z.discriminatedUnion('kind', [
      z.object({ kind: z.literal('key') }),
      z.object({ kind: z.literal('value') }),
      z.object({ kind: z.literal('header'), index: z.number().int().min(0).max(99) }),
    ]),
  }),
  /** Live tail; records arrive as `message/tailed` until `message/untail`. */
  'message/tail': onConnection({ topic: topicName, partitions: partitionIds.nullable() }),
  'message/untail': onConnection({ tailId: z.string() }),

  /** The group's lag by topic over time. */
  'group/lagRange': onConnection({ group: groupId, ...figureSpan }),
  /** Refused, as is `group/reset`, when the group's present state or number of members is not the one that was shown. */
  'group/delete': onConnection({ group: groupId, shown: shownGroup, typedName: z.string() }),
  /** Commits for a group that has no member, in all partitions of a topic; an offset outside of a log becomes the nearest in it. */
  'group/reset': onConnection({
    group: groupId,
    shown: shownGroup,
    topic: topicName,
    to: z.discriminatedUnion('kind', [
      z.object({ kind: z.literal('earliest') }),
      z.object({ kind: z.literal('latest') }),
      z.object({ kind: z.literal('offset'), offset: placeInLog }),
    ]),
  }),

  'broker/configs': onConnection({ broker: nodeId }),

  /** Embedded cluster only. Each answers when the action is complete. */
  'lab/stop': onConnection({ node: nodeId }),
  'lab/kill': onConnection({ node: nodeId }),
  'lab/start': onConnection({ node: nodeId }),
  'lab/inject': onConnection({ fault: faultSchema }),
  'lab/heal': onConnection({ id: z.number().int().min(1) }),
  /** Ends every fault, and starts every node that is down. */
  'lab/healAll': onConnection({}),
  'lab/faults': onConnection({}),
  /** Adds a broker with the next free id; removes one after its partitions have been reassigned. */
  'lab/addNode': onConnection({}),
  'lab/removeNode': onConnection({ node: nodeId }),

  /** Loads of real clients; embedded cluster only. Each answers when the change is in effect. */
  'load/list': onConnection({}),
  'load/start': onConnection({ load: loadSchema }),
  'load/stop': onConnection({ id: loadId }),
  'load/remove': onConnection({ id: loadId }),
  'load/change': onConnection({
    id: loadId,
    recordsPerSecond: z.number().min(0.1).max(50_000).optional(),
    members: z.number().int().min(1).max(12).optional(),
  }),
  'load/member': onConnection({ id: loadId, number: z.number().int().min(1), action: z.enum(['crash', 'pause', 'resume']) }),
  'load/audit': onConnection({ id: loadId }),

  /** The library, and the active or last run. All scenario channels are for the embedded cluster only. */
  'scenario/list': onConnection({}),
  /** A scenario of the library: its text and its outline. */
  'scenario/open': onConnection({ name: z.string().min(1).max(100) }),
  /** The outline of a scenario's text, or its problems. */
  'scenario/check': onConnection({ text: z.string().max(1_048_576) }),
  /** Starts a run; its progress is sent as `scenario/progressed`. */
  'scenario/run': onConnection({ text: z.string().max(1_048_576) }),
  /** Answers when the run has ended and its loads and faults with it. */
  'scenario/cancel': onConnection({}),
  /** The report of the last run with the timeline's events, and the same as JUnit XML. */
  'scenario/report': onConnection({}),
  /** Actions in the lab since that time (wall-clock ms) as a scenario's text; null: those of the last outage. */
  'scenario/record': onConnection({ sinceAt: z.number().min(0).nullable() }),

  /** Reads one node of the ZooKeeper tree over a broker's ZooKeeper endpoint. Embedded cluster only. */
  'zookeeper/znode': onConnection({ path: znodePath }),
  /** The app's own ZooKeeper clients; each answers with the state of both. Embedded cluster only. */
  'zookeeper/clients': onConnection({}),
  /** Opens the user's session after closing an open one. ZooKeeper grants a timeout of 2 to 40 s. */
  'zookeeper/openSession': onConnection({ timeoutMs: z.number().int().min(2_000).max(40_000).default(6_000) }),
  'zookeeper/create': onConnection({ path: learnPath, data: z.string().max(10_000), ephemeral: z.boolean() }),
  'zookeeper/set': onConnection({ path: learnPath, data: z.string().max(10_000) }),
  'zookeeper/delete': onConnection({ path: learnPath }),
  /** Sets a watch in a second session, which is notified when the first one ends. Fires once: `zookeeper/watchFired`. */
  'zookeeper/watch': onConnection({ path: znodePath, kind: z.enum(['node', 'children']) }),
  /** Stops sending pings and reading responses: the server expires the session after its timeout. */
  'zookeeper/suspendSession': onConnection({}),
  /** Reads and sends again, and reconnects the session if it has not expired. */
  'zookeeper/resumeSession': onConnection({}),
  'zookeeper/closeSession': onConnection({ role: z.enum(['own', 'watcher']) }),

  /** Embedded cluster only. */
  'timeline/list': onConnection({ sinceId: z.number().int().min(0) }),

  /** Incidents that touch the range, of this run of the app and of earlier ones. */
  'incident/list': onConnection({ from: wallClockMs, until: wallClockMs }),

  /** The range of the connection's history. */
  'history/range': onConnection({}),
  /** The state at that time, wall-clock ms. */
  'history/at': onConnection({ at: z.number().min(0) }),
} as const satisfies Record<string, z.ZodType>;

export type RequestChannel = keyof typeof requestSchemas;
export type Payload<C extends RequestChannel> = z.infer<(typeof requestSchemas)[C]>;

/** Requests about one cluster. Main refuses one for a connection that its client has not selected. */
export type ConnectionChannel = {
  [C in RequestChannel]: Payload<C> extends { connectionId: string } ? C : never;
}[RequestChannel];
/** Requests about the app itself. */
export type AppChannel = Exclude<RequestChannel, ConnectionChannel>;
type WithoutConnection<P> = P extends unknown ? Omit<P, 'connectionId'> : never;
/** What a page sends; its scope adds the connection. */
export type ScopedPayload<C extends ConnectionChannel> = WithoutConnection<Payload<C>>;

export interface AppInfo {
  version: string;
  /** `desktop` in Electron, `web` in a browser tab. */
  mode: 'desktop' | 'web';
  platform: string;
  /** The data directory of the embedded cluster, and notices of its start ("port 9092 was taken, broker 1 is on 9095"). */
  dataDirectory: string | null;
  notices: string[];
}

export interface ConnectionList {
  connections: Connection[];
}

/** Replica placement of a new topic: broker ids by partition, preferred leader first. */
export interface TopicPlacement {
  assignments: number[][];
}

/** One partition after a preferred leader election: `from` and `to` are brokers, null without a leader; `error`: why it failed. */
export interface LeaderChange {
  partition: number;
  from: number | null;
  to: number | null;
  error: string | null;
}

/** The log start offset of a partition after records were deleted; null with `error`, the reason why none were. */
export interface LogStart {
  partition: number;
  startOffset: string | null;
  error: AppError | null;
}

/** One partition after a reset: committed offsets, `from` null where there was none. */
export interface PlaceChange {
  partition: number;
  from: string | null;
  to: string;
}

export interface BrowseResult {
  records: RecordRow[];
  /** Partitions that could not be read, with Kafka's error name. */
  failed: { partition: number; error: string }[];
  /** True when the topic holds more records than were asked for. */
  more: boolean;
  /** Batches of which not every record could be read; at most twenty. */
  cutBatches: CutBatch[];
}

export interface Results {
  'app/info': AppInfo;
  'connection/list': ConnectionList;
  'connection/use': ConnectionList;
  'connection/add': ConnectionList & { addedId: string };
  'connection/remove': ConnectionList;
  'connection/restore': ConnectionList;
  'embedded/listeners': EmbeddedListeners;
  'embedded/saveListeners': EmbeddedListeners;
  'cluster/view': { version: number; view: ClusterView };
  'cluster/watch': null;
  'cluster/refresh': null;
  'cluster/figureRange': FigureRange;
  'cluster/topicRateRange': FigureRange;
  'topic/create': TopicPlacement;
  'topic/delete': null;
  'topic/addPartitions': null;
  /** Lowest log start offset of all replicas. */
  'topic/deleteRecords': { partitions: LogStart[] };
  'topic/electPreferred': { partitions: LeaderChange[] };
  'topic/configs': { entries: ConfigEntry[] };
  'topic/setConfigs': null;
  'message/browse': BrowseResult;
  'message/value': { encoding: 'null' | 'utf8' | 'hex'; text: string };
  /** `leader`: the broker that stored it. Offset −1 with acks=0, or for a retry whose offset the broker no longer knows. */
  'message/produce': { partition: number; leader: number; offset: string; timestamp: number | null };
  'message/tail': { tailId: string };
  'message/untail': null;
  'group/lagRange': FigureRange;
  'group/delete': null;
  'group/reset': { partitions: PlaceChange[] };
  'broker/configs': { entries: ConfigEntry[] };
  'lab/stop': null;
  'lab/kill': null;
  'lab/start': null;
  'lab/inject': Fault;
  'lab/heal': null;
  /** Faults that could not be ended, with the reason. */
  'lab/healAll': { failed: { id: number; error: string }[] };
  'lab/faults': { faults: Fault[] };
  'lab/addNode': { node: number };
  'lab/removeNode': null;
  'load/list': { loads: LoadRow[] };
  'load/start': LoadRow;
  'load/stop': LoadRow;
  'load/remove': null;
  'load/change': LoadRow;
  'load/member': LoadRow;
  'load/audit': LoadAudit;
  'scenario/list': { library: ScenarioSummary[]; run: ScenarioRun | null };
  'scenario/open': { text: string; outline: ScenarioOutline };
  /** Either an outline or problems. */
  'scenario/check': { outline: ScenarioOutline | null; problems: ScenarioProblem[] };
  'scenario/run': null;
  'scenario/cancel': null;
  'scenario/report': { report: ScenarioReport; junit: string } | null;
  'scenario/record': { name: string; text: string; notices: string[] };
  'zookeeper/znode': Znode;
  'zookeeper/clients': ZooKeeperClients;
  'zookeeper/openSession': ZooKeeperClients;
  'zookeeper/create': ZooKeeperClients;
  'zookeeper/set': ZooKeeperClients;
  'zookeeper/delete': ZooKeeperClients;
  'zookeeper/watch': ZooKeeperClients;
  'zookeeper/suspendSession': ZooKeeperClients;
  'zookeeper/resumeSession': ZooKeeperClients;
  'zookeeper/closeSession': ZooKeeperClients;
  'timeline/list': { events: TimelineEvent[] };
  /**
   * Ascending by start; of more than 500 the newest. `run` is that of the events of `timeline/list`. `problem`: why incidents of earlier
   * runs are missing.
   */
  'incident/list': { run: string; incidents: IncidentRecord[]; problem: string | null };
  'history/range': HistoryRange;
  /** Null: the time is before the start of the history. */
  'history/at': Moment | null;
}

/** What changed in the view since version `base`. Rows are replaced whole; scalars that are absent stayed the same. */
export interface ClusterPatch {
  connectionId: string;
  base: number;
  version: number;
  scalars: Partial<Omit<ClusterView, 'brokers' | 'topics' | 'groups'>>;
  brokers: { set: BrokerRow[]; removed: number[] };
  topics: RowsPatch<TopicRow>;
  groups: RowsPatch<GroupRow>;
}

/** Rows by name or id. A row may hold thousands of partitions of which one differs. */
export interface RowsPatch<Row> {
  /** Whole rows. */
  set: Row[];
  /** Differences since `base` of rows that the receiver has. Absent: none. */
  changed?: [key: string, delta: Delta][];
  removed: string[];
}

/** Main to renderer. Past tense. Those about a cluster reach only the clients that have selected its connection. */
export interface Events {
  /** At most ten a second. A renderer whose version is not `base` asks for `cluster/view` again. */
  'cluster/patched': ClusterPatch;
  /** The list of connections, after any change. To every client. */
  'connection/changed': ConnectionList;
  /** The client's connection was opened again: versions count from zero. Ask for `cluster/view`. */
  'connection/reopened': { connectionId: string };
  /** All active faults, whenever one begins or ends. */
  'lab/faultsChanged': { faults: Fault[] };
  /** All of them, at most four times a second while one runs. */
  'load/changed': { loads: LoadRow[] };
  /** At most four times a second while one runs, and when it has ended. */
  'scenario/progressed': { run: ScenarioRun };
  'zookeeper/clientsChanged': ZooKeeperClients;
  'zookeeper/watchFired': FiredWatch;
  'timeline/appended': { events: TimelineEvent[] };
  /**
   * `begins`: partitions that are followed from now on, each with the offset of the first record that is shown. `dropped`: number of
   * records that were skipped because the rate was too high.
   */
  'message/tailed': {
    tailId: string;
    begins: { partition: number; offset: string }[];
    records: RecordRow[];
    dropped: number;
    cutBatches: CutBatch[];
    error: string | null;
    /** The topic was deleted and created again since the tail began; it follows the new one from its start. */
    recreated: boolean;
  };
  /** From the native menu: a route to open or a command to run. */
  'app/commanded': { command: 'navigate' | 'createTopic' | 'refresh' | 'palette'; path?: string };
}

export type EventChannel = keyof Events;

/** The bridge that a transport gives to the renderer: `window.brokerdesk` in Electron, a WebSocket in web mode. */
export interface Bridge {
  invoke<C extends RequestChannel>(channel: C, payload: Payload<C>): Promise<Result<Results[C]>>;
  /** Returns the function that unsubscribes. */
  on<E extends EventChannel>(event: E, listener: (payload: Events[E]) => void): () => void;
}

/** Frames of the WebSocket transport, as JSON. */
export type ClientFrame = { id: number; channel: RequestChannel; payload: unknown };
export type ServerFrame = { id: number; result: Result<unknown> } | { event: EventChannel; payload: unknown };
