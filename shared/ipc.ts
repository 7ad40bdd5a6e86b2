/**
 * The contract between the renderer and the main process: every request with the schema of its payload and the type of
 * its result, and every event. Both sides take their types from here; the main side parses each payload on arrival
 * (`electron/ipc/handle.ts`), whichever transport brought it. Nothing else crosses.
 */
import * as z from 'zod';
import type { AppError, Result } from './errors.ts';
import { faultSchema } from './fault-schema.ts';
import { loadSchema } from './load-schema.ts';
import type {
  BrokerRow,
  ClusterView,
  ConfigEntry,
  Connection,
  CutBatch,
  GroupRow,
  LagSample,
  RecordRow,
  TopicRow,
} from './models/cluster.ts';
import type { HistoryRange, Moment } from './models/history.ts';
import type { CoordinationClients, FiredWatch } from './models/coordination.ts';
import type { Fault, Znode } from './models/lab.ts';
import type { EmbeddedListeners } from './models/listeners.ts';
import type { LoadAudit, LoadRow } from './models/load.ts';
import type { ScenarioOutline, ScenarioProblem, ScenarioReport, ScenarioRun, ScenarioSummary } from './models/scenario.ts';
import type { TimelineEvent } from './models/timeline.ts';

/** Kafka's integers. What does not fit would fail when the request is encoded. */
const INT16_MAX = 32_767;
const INT32_MAX = 2_147_483_647;
const nodeId = z.number().int().min(0).max(INT32_MAX);
const partitionId = z.number().int().min(0).max(INT32_MAX);
/** As many as a topic can have here. */
const partitionIds = z.array(partitionId).max(10_000);
const topicName = z.string().min(1).max(249);
const groupId = z
  .string()
  .max(INT16_MAX)
  // A coordinator stores it in a record whose strings have a length of 16 bits.
  .refine((text) => new TextEncoder().encode(text).length <= INT16_MAX, { error: 'must have at most 32,767 bytes' });
/** 64-bit numbers travel as decimal strings. */
const offset = z
  .string()
  .regex(/^-?\d{1,19}$/, { error: 'must be a whole number' })
  .refine((text) => isInt64(text), { error: 'must fit into 64 bits' });
/** A place in a log: −1 and −2, which mean its ends to Kafka, are no places. */
const placeInLog = z.string().regex(/^\d{1,18}$/, { error: 'must be a whole number of at most 18 digits' });
const znodePath = z.string().min(1).max(4_096).startsWith('/');
/** What a person may write to: nothing that a client of somebody else's keeps there. */
const learnPath = z
  .string()
  .max(200)
  .regex(/^\/learn(\/[^/\p{Cc}]+)*$/u, 'nodes are made below /learn, for example /learn/here');
const loadId = z.number().int().min(1);
const settingName = z.string().min(1).max(1_000);
/** Kafka's strings have at most 32,767 bytes in versions that are not flexible. */
const settingValue = z.string().max(INT16_MAX);
const recordText = z.object({ encoding: z.enum(['null', 'utf8', 'hex']), text: z.string().max(1_048_576) });

/** Of a decimal number; zod calls it for text that is none as well. */
function isInt64(text: string): boolean {
  if (!/^-?\d{1,19}$/.test(text)) return true;
  const value = BigInt(text);
  return value === BigInt.asIntN(64, value);
}

/** By their names. A key `__proto__` would be lost without a word on the way into the parsed object. */
function settings<T extends z.ZodType<string | null>>(value: T) {
  return z.preprocess(
    (given, context) => {
      if (typeof given === 'object' && given !== null && Object.hasOwn(given, '__proto__'))
        context.addIssue({ code: 'custom', message: 'has no setting __proto__' });
      return given;
    },
    z.record(settingName, value).refine((all) => Object.keys(all).length <= 1_000, { error: 'must have at most 1,000 entries' }),
  );
}

/** Payload schemas by channel. Names: subject/verb. */
export const requestSchemas = {
  'app/info': z.object({}),
  'connection/list': z.object({}),
  'connection/use': z.object({ id: z.string() }),
  /** Tries to reach it first; nothing is stored when no broker answers. */
  'connection/add': z.object({
    name: z.string().min(1).max(100),
    bootstrap: z.string().min(1).max(2_000),
    colour: z.enum(['flow', 'accent', 'warn', 'bad', 'control']),
  }),
  'connection/remove': z.object({ id: z.string() }),

  'embedded/listeners': z.object({}),
  /** For the next start. A `bindHost` of null: this machine only, and `advertisedHost` does not count. */
  'embedded/saveListeners': z.object({ bindHost: z.string().max(1_000).nullable(), advertisedHost: z.string().max(1_000).nullable() }),

  /** The whole view; patches (`cluster/patched`) follow from its version on. */
  'cluster/view': z.object({}),
  /** What the page in front shows, so that only that is polled. */
  'cluster/watch': z.object({
    topics: z.union([z.literal('none'), z.literal('all'), z.array(topicName).max(1_000)]),
    groups: z.union([z.literal('none'), z.literal('all'), z.array(groupId).max(1_000)]),
  }),
  /** Asks for a round now (F5). */
  'cluster/refresh': z.object({}),

  'topic/create': z.object({
    name: z.string().max(500),
    partitions: z.number().int().min(-1).max(INT32_MAX),
    replicationFactor: z.number().int().min(-1).max(INT16_MAX),
    configs: settings(settingValue),
    validateOnly: z.boolean(),
  }),
  'topic/delete': z.object({ name: topicName, typedName: z.string().max(500) }),
  'topic/addPartitions': z.object({ name: topicName, total: z.number().int().min(0).max(INT32_MAX) }),
  /** Lets go of the records before each offset, on every replica. */
  'topic/deleteRecords': z.object({
    name: topicName,
    places: z
      .array(z.object({ partition: partitionId, before: placeInLog }))
      .min(1)
      .max(10_000),
  }),
  /** Gives each partition back to its preferred leader, the first of its replicas. */
  'topic/electPreferred': z.object({ name: topicName }),
  'topic/configs': z.object({ name: topicName }),
  /** Null removes the override. Only what is named is changed. */
  'topic/setConfigs': z.object({ name: topicName, configs: settings(settingValue.nullable()) }),

  'message/browse': z.object({
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
  'message/produce': z
    .object({
      topic: topicName,
      /** Null: the partitioner decides. */
      partition: partitionId.nullable(),
      key: recordText,
      value: recordText,
      headers: z.array(z.object({ key: z.string().max(INT16_MAX), value: z.string().max(1_048_576) })).max(100),
      acks: z.union([z.literal(-1), z.literal(0), z.literal(1)]),
      /** Numbered, so that a repeat is stored once. */
      idempotent: z.boolean().optional(),
    })
    .refine(({ acks, idempotent }) => idempotent !== true || acks === -1, {
      error: 'an idempotent producer needs acks=all',
      path: ['idempotent'],
    }),
  /** Live tail; records arrive as `message/tailed` until `message/untail`. */
  'message/tail': z.object({ topic: topicName, partitions: partitionIds.nullable() }),
  'message/untail': z.object({ tailId: z.string() }),

  'group/lagHistory': z.object({ group: groupId }),
  'group/delete': z.object({ group: groupId, typedName: z.string() }),
  /** Commits for a group that has no member, in all partitions of a topic; an offset outside of a log becomes the nearest in it. */
  'group/reset': z.object({
    group: groupId,
    topic: topicName,
    to: z.discriminatedUnion('kind', [
      z.object({ kind: z.literal('earliest') }),
      z.object({ kind: z.literal('latest') }),
      z.object({ kind: z.literal('offset'), offset: placeInLog }),
    ]),
  }),

  'broker/configs': z.object({ broker: nodeId }),

  /** Embedded cluster only. Each answers when it has happened. */
  'lab/stop': z.object({ node: nodeId }),
  'lab/kill': z.object({ node: nodeId }),
  'lab/start': z.object({ node: nodeId }),
  'lab/inject': z.object({ fault: faultSchema }),
  'lab/heal': z.object({ id: z.number().int().min(1) }),
  /** Ends every fault, and starts whatever is down. */
  'lab/healAll': z.object({}),
  'lab/faults': z.object({}),
  /** A broker more, with the next free id; and one less, whose partitions move away first. */
  'lab/addNode': z.object({}),
  'lab/removeNode': z.object({ node: nodeId }),

  /** Load by real clients; embedded cluster only. Each answers when it is so. */
  'load/list': z.object({}),
  'load/start': z.object({ load: loadSchema }),
  'load/stop': z.object({ id: loadId }),
  'load/remove': z.object({ id: loadId }),
  'load/change': z.object({
    id: loadId,
    recordsPerSecond: z.number().min(0.1).max(50_000).optional(),
    members: z.number().int().min(1).max(12).optional(),
  }),
  'load/member': z.object({ id: loadId, number: z.number().int().min(1), action: z.enum(['crash', 'pause', 'resume']) }),
  'load/audit': z.object({ id: loadId }),

  /** The library, and the run that goes on or was the last. */
  'scenario/list': z.object({}),
  /** One of the library: its text, and what it will do. */
  'scenario/open': z.object({ name: z.string().min(1).max(100) }),
  /** What a text would do, or what is wrong in it. */
  'scenario/check': z.object({ text: z.string().max(1_048_576) }),
  /** Begins; how it goes comes as `scenario/progressed`. Embedded cluster only. */
  'scenario/run': z.object({ text: z.string().max(1_048_576) }),
  /** Answers when what it began has ended. */
  'scenario/cancel': z.object({}),
  /** Of the last run, with the timeline's events and as JUnit XML. */
  'scenario/report': z.object({}),
  /** What was done in the lab since that moment (wall-clock ms), as a scenario's text; null: in the last outage. */
  'scenario/record': z.object({ sinceAt: z.number().min(0).nullable() }),

  /** Reads one node of the coordination service's tree over its ZooKeeper endpoint. Embedded cluster only. */
  'coordination/znode': z.object({ path: znodePath }),
  /** The app's own ZooKeeper clients; each answers with all of both. Embedded cluster only. */
  'zk/clients': z.object({}),
  /** A session of one's own; one that lives is closed first. ZooKeeper grants two to forty seconds. */
  'zk/open': z.object({ timeoutMs: z.number().int().min(2_000).max(40_000).default(6_000) }),
  'zk/create': z.object({ path: learnPath, data: z.string().max(10_000), ephemeral: z.boolean() }),
  'zk/set': z.object({ path: learnPath, data: z.string().max(10_000) }),
  'zk/delete': z.object({ path: learnPath }),
  /** By a second session, so that somebody is told when the first one ends. Fires once: `coordination/watchFired`. */
  'zk/watch': z.object({ path: znodePath, kind: z.enum(['node', 'children']) }),
  /** No heartbeat any more, and deaf: after its timeout the server ends the session. */
  'zk/silence': z.object({}),
  /** Gets on, and finds out whether the session is still there. */
  'zk/speak': z.object({}),
  'zk/close': z.object({ role: z.enum(['own', 'watcher']) }),

  /** Of the cluster on this desk; nothing while another one is in front. */
  'timeline/list': z.object({ sinceId: z.number().int().min(0) }),

  /** What the screen was told of the connection in front, as it was told. */
  'history/range': z.object({}),
  /** What stood at that moment, wall-clock ms. */
  'history/at': z.object({ at: z.number().min(0) }),
} as const satisfies Record<string, z.ZodType>;

export type RequestChannel = keyof typeof requestSchemas;
export type Payload<C extends RequestChannel> = z.infer<(typeof requestSchemas)[C]>;

export interface AppInfo {
  version: string;
  /** `desktop` in Electron, `web` in a browser tab. */
  mode: 'desktop' | 'web';
  platform: string;
  /** Where the embedded cluster keeps its data, and things worth saying once ("port 9092 was taken, broker 1 is on 9095"). */
  dataDirectory: string | null;
  notices: string[];
}

export interface ConnectionList {
  connections: Connection[];
  activeId: string;
}

/** Where a new topic's partitions would live: replica broker ids by partition, leader first. */
export interface TopicPlacement {
  assignments: number[][];
}

/** One partition after a preferred election: `from` and `to` are brokers, null where nobody leads; `error`: why it stayed. */
export interface LeaderChange {
  partition: number;
  from: number | null;
  to: number | null;
  error: string | null;
}

/** Where a partition's log starts after records were deleted; null with `error`, which says why it did not move. */
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
  'connection/add': ConnectionList;
  'connection/remove': ConnectionList;
  'embedded/listeners': EmbeddedListeners;
  'embedded/saveListeners': EmbeddedListeners;
  'cluster/view': { version: number; view: ClusterView };
  'cluster/watch': null;
  'cluster/refresh': null;
  'topic/create': TopicPlacement;
  'topic/delete': null;
  'topic/addPartitions': null;
  /** Where the log starts now, on the replica where it starts lowest. */
  'topic/deleteRecords': { partitions: LogStart[] };
  'topic/electPreferred': { partitions: LeaderChange[] };
  'topic/configs': { entries: ConfigEntry[] };
  'topic/setConfigs': null;
  'message/browse': BrowseResult;
  'message/produce': { partition: number; offset: string; timestamp: number | null };
  'message/tail': { tailId: string };
  'message/untail': null;
  'group/lagHistory': { samples: LagSample[] };
  'group/delete': null;
  'group/reset': { partitions: PlaceChange[] };
  'broker/configs': { entries: ConfigEntry[] };
  'lab/stop': null;
  'lab/kill': null;
  'lab/start': null;
  'lab/inject': Fault;
  'lab/heal': null;
  /** What could not be healed, and why; empty when all is well. */
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
  /** One of the two. */
  'scenario/check': { outline: ScenarioOutline | null; problems: ScenarioProblem[] };
  'scenario/run': null;
  'scenario/cancel': null;
  'scenario/report': { report: ScenarioReport; junit: string } | null;
  'scenario/record': { name: string; text: string; notices: string[] };
  'coordination/znode': Znode;
  'zk/clients': CoordinationClients;
  'zk/open': CoordinationClients;
  'zk/create': CoordinationClients;
  'zk/set': CoordinationClients;
  'zk/delete': CoordinationClients;
  'zk/watch': CoordinationClients;
  'zk/silence': CoordinationClients;
  'zk/speak': CoordinationClients;
  'zk/close': CoordinationClients;
  'timeline/list': { events: TimelineEvent[] };
  'history/range': HistoryRange;
  /** Null: it lies before the record. */
  'history/at': Moment | null;
}

/** What changed in the view since version `base`. Rows are replaced whole; scalars that are absent stayed the same. */
export interface ClusterPatch {
  connectionId: string;
  base: number;
  version: number;
  scalars: Partial<Omit<ClusterView, 'brokers' | 'topics' | 'groups'>>;
  brokers: { set: BrokerRow[]; removed: number[] };
  topics: { set: TopicRow[]; removed: string[] };
  groups: { set: GroupRow[]; removed: string[] };
}

/** Main to renderer. Past tense. */
export interface Events {
  /** At most ten a second. A renderer whose version is not `base` asks for `cluster/view` again. */
  'cluster/patched': ClusterPatch;
  /** Another connection is in front; ask for `cluster/view`. */
  'connection/changed': ConnectionList;
  /** All faults in force, whenever one begins or ends. */
  'lab/faultsChanged': { faults: Fault[] };
  /** All of them, at most four times a second while one runs. */
  'load/changed': { loads: LoadRow[] };
  /** At most four times a second while one runs, and when it has ended. */
  'scenario/progressed': { run: ScenarioRun };
  'coordination/clientsChanged': CoordinationClients;
  'coordination/watchFired': FiredWatch;
  'timeline/appended': { events: TimelineEvent[] };
  /** One new sample a group, as it is taken. */
  'group/lagSampled': { group: string; sample: LagSample };
  /**
   * `begins`: partitions followed from now on, and the offset of the first record that will be shown of each; what is written before it
   * is told is not. `dropped` counts records that came faster than they could be shown.
   */
  'message/tailed': {
    tailId: string;
    begins: { partition: number; offset: string }[];
    records: RecordRow[];
    dropped: number;
    cutBatches: CutBatch[];
    error: string | null;
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
