/**
 * Records actions of a user in the Lab as a scenario: faults and repairs with their times, the load, and the expectations that
 * hold in every outage. Brokers have their ids and replicas their placement, so that a run repeats the outage.
 */
import { Document, isCollection, isMap, isScalar, visit } from 'yaml';
import { topicConfigs } from '../admin/configs.ts';
import type { ClusterClient } from '../admin/cluster-client.ts';
import { ServiceError } from '../services/errors.ts';
import type { Lab } from '../services/lab.ts';
import type { Loads } from '../services/load.ts';
import { processFaultOf } from '../cluster/fault-effects.ts';
import { writeDuration } from '#shared/durations';
import { describeFaultAction } from '#shared/faults/definitions';
import type { FaultSpec } from '#shared/models/lab';
import type { LoadRow, LoadSpec } from '#shared/models/load';
import type { TimelineEvent } from '#shared/models/timeline';
import { plural } from '#shared/numbers';
import type { ScenarioFile } from '#shared/scenario-schema';
import { freeName } from './preparation.ts';
import { formatTarget } from './descriptions.ts';

export interface Recording {
  /** The text of the file. */
  text: string;
  name: string;
  /** What a scenario cannot express, and what was added. */
  notices: string[];
}

export interface RecordedTopic {
  name: string;
  /** Broker ids by partition, the preferred leader first. */
  replicas: number[][];
  /** Topic configs without defaults. */
  configs: Record<string, string>;
}

type Step = ScenarioFile['steps'][number];

/** Outages that follow within this time are recorded as one. */
const QUIET_MS = 60_000;
/** How long the load runs before the first fault. */
const LEAD_MS = 3_000;
const HEADER =
  "# Recorded in Brokerdesk's Lab. Runs there, and headless: npm run scenario -- FILE\n# docs/scenarios.md explains the format.";
const FALLBACK_TOPIC = 'recorded';
/** Keys of a map that is written on one line. */
const MOST_INLINE = 6;

/** `except`: times (wall-clock ms) of scenario runs, whose faults are left out. */
export async function recordScenario(from: {
  lab: Lab;
  loads: Loads;
  client: ClusterClient;
  sinceAt: number | null;
  except: readonly { from: number; until: number }[];
}): Promise<Recording> {
  const events = from.lab.timeline(0).filter(({ at }) => !from.except.some((run) => at >= run.from && at <= run.until));
  const rows = from.loads.list();
  const window = selectOutage(events, from.sinceAt, Date.now());
  const wanted = topicsOf(window, rows);
  const topics = await describeTopics(from.client, wanted);
  const nodes = await from.lab.nodes();
  return buildRecording({
    events: window,
    loads: rows,
    topics,
    brokers: nodes.length,
    stillBroken: from.lab.faults().length > 0,
    now: new Date(),
  });
}

async function describeTopics(client: ClusterClient, names: readonly string[]): Promise<RecordedTopic[]> {
  const meta = await client.metadata(names);
  const topics: RecordedTopic[] = [];
  for (const topic of meta.topics) {
    if (topic.name === null || topic.errorCode !== 0) continue;
    const entries = await topicConfigs(client, topic.name);
    topics.push({
      name: topic.name,
      replicas: topic.partitions.toSorted((a, b) => a.partitionIndex - b.partitionIndex).map(({ replicaNodes }) => [...replicaNodes]),
      configs: Object.fromEntries(
        entries.flatMap(({ name, value, source }) => (source === 'topic' && value !== null ? [[name, value]] : [])),
      ),
    });
  }
  return topics;
}

/** The fault whose injection the event records; null: it records none. */
function faultOf({ type, broker, details }: TimelineEvent): FaultSpec | null {
  if (type !== 'lab/faultInjected') return broker === undefined ? null : (processFaultOf(type, broker) ?? null);
  const fault = details?.['fault'];
  return typeof fault === 'object' && fault !== null && 'type' in fault ? (fault as FaultSpec) : null;
}

/** Lab and load events since `sinceAt` (wall-clock ms), or since the beginning of the last outage. */
export function selectOutage(events: readonly TimelineEvent[], sinceAt: number | null, now: number): TimelineEvent[] {
  const done = events.filter(({ type }) => type.startsWith('lab/') || type.startsWith('load/'));
  if (sinceAt !== null) return done.filter(({ at }) => at >= sinceAt);
  const inForce = new Set<number>();
  let begin: number | null = null;
  let quietSince = -Infinity;
  for (const event of done) {
    const before = inForce.size;
    for (const id of begun(event)) inForce.add(id);
    for (const id of ended(event)) inForce.delete(id);
    const after = inForce.size;
    if (before === 0 && after > 0 && event.at - quietSince > QUIET_MS) begin = event.at;
    if (before > 0 && after === 0) quietSince = event.at;
  }
  if (begin === null) return done.filter(({ at }) => at >= now - QUIET_MS);
  const first = begin;
  return done.filter(({ at }) => at >= first);
}

function begun(event: TimelineEvent): number[] {
  const id = event.details?.['faultId'];
  return typeof id === 'number' && faultOf(event) !== null ? [id] : [];
}

function ended({ type, details }: TimelineEvent): number[] {
  if (type === 'lab/nodeStarted')
    return Array.isArray(details?.['faultIds']) ? details['faultIds'].filter((id) => typeof id === 'number') : [];
  const id = details?.['faultId'];
  return typeof id === 'number' && (type === 'lab/nodeThawed' || type === 'lab/faultHealed') ? [id] : [];
}

/** Loads that ran during the events, in the order in which they were started. */
function loadsOf(events: readonly TimelineEvent[], rows: readonly LoadRow[]): LoadRow[] {
  const first = events[0]?.at ?? 0;
  const named = new Set(events.flatMap(({ details }) => (typeof details?.['loadId'] === 'number' ? [details['loadId']] : [])));
  return rows.filter((row) => named.has(row.id) || row.state === 'running' || (row.since >= first && row.state !== 'starting'));
}

function topicsOf(events: readonly TimelineEvent[], rows: readonly LoadRow[]): string[] {
  const names = new Set<string>();
  for (const { spec } of loadsOf(events, rows)) for (const topic of spec.kind === 'producer' ? [spec.topic] : spec.topics) names.add(topic);
  for (const event of events) {
    const fault = faultOf(event);
    if (fault !== null && 'topic' in fault) names.add(fault.topic);
  }
  return [...names];
}

/** Throws `ServiceError` when the events contain no fault. */
export function buildRecording(from: {
  events: readonly TimelineEvent[];
  loads: readonly LoadRow[];
  topics: readonly RecordedTopic[];
  brokers: number;
  stillBroken: boolean;
  now: Date;
}): Recording {
  const notices: string[] = [];
  const rows = loadsOf(from.events, from.loads);
  const firstFault = from.events.find((event) => begun(event).length > 0);
  if (firstFault === undefined) {
    throw new ServiceError({
      code: 'NOT_FOUND',
      message: 'No fault was injected in the selected time.',
      advice: 'Inject a fault in the Lab, or select an earlier time.',
    });
  }
  const start = Math.min(firstFault.at, from.events[0]?.at ?? firstFault.at) - LEAD_MS;
  const early = rows.filter(({ since }) => since <= firstFault.at);
  const topics = [...from.topics];
  const load = early.map(({ spec }) => writtenLoad(spec));
  const run = new Map(rows.filter((row) => !early.includes(row)).map((row) => [row.id, row]));
  if (!rows.some(({ spec }) => spec.kind === 'producer')) {
    topics.push({
      name: freeName(FALLBACK_TOPIC, new Set(topics.map((topic) => topic.name))),
      replicas: placeReplicas(from.brokers),
      configs: { 'min.insync.replicas': String(Math.min(2, from.brokers)) },
    });
    const name = freeName('writer', new Set(rows.map(({ spec }) => spec.name)));
    load.push({ kind: 'producer', name, topic: topics.at(-1)?.name ?? FALLBACK_TOPIC, recordsPerSecond: 50 });
    notices.push('No producer ran during the outage, so one was added: without a producer no write can be lost.');
  }
  const context: StepContext = {
    run,
    names: new Map(),
    loadNames: new Map(rows.map(({ id, spec }) => [id, spec.name])),
    unhealed: new Set(),
  };
  const steps: Step[] = [];
  for (const event of from.events) {
    const step = stepOf(event, context, notices);
    if (step === null) continue;
    const name = `step-${steps.length + 1}`;
    steps.push({ name, at: writeDuration(Math.max(0, Math.round((event.at - start) / 10) * 10)), ...step });
  }
  const last = steps.at(-1)?.name ?? 'start';
  const healed = !from.stillBroken && context.unhealed.size === 0;
  const expect = expectationsOf([...load, ...[...run.values()].map(({ spec }) => writtenLoad(spec))], topics, healed ? last : null);
  const stamp = from.now.toISOString().slice(0, 19);
  const name = `recorded-${stamp.replaceAll(/[-:]/g, '').replace('T', '-')}`;
  const scenario: ScenarioFile = {
    name,
    title: titleOf(from.events),
    about: `What was broken and healed in the Lab on ${stamp.replace('T', ' at ')} (UTC).`,
    cluster: { brokers: from.brokers },
    topics: topics.map(({ name: topic, replicas, configs }) => ({
      name: topic,
      replicas,
      ...(Object.keys(configs).length === 0 ? {} : { configs }),
    })),
    load,
    steps,
    expect,
  };
  return { name, text: `${HEADER}\n${written(scenario)}`, notices };
}

interface StepContext {
  /** Loads that were started after the first fault. */
  run: Map<number, LoadRow>;
  /** Names of faults in the file, by fault id. */
  names: Map<number, string>;
  loadNames: Map<number, string>;
  unhealed: Set<number>;
}

function stepOf(event: TimelineEvent, context: StepContext, notices: string[]): Omit<Step, 'at' | 'name'> | null {
  const { type, broker } = event;
  const fault = faultOf(event);
  if (fault !== null) return faultStep(event, fault, context);
  switch (type) {
    case 'lab/faultHealed':
    case 'lab/nodeThawed':
      return healStep(event, context);
    case 'lab/nodeStarted': {
      for (const id of ended(event)) context.unhealed.delete(id);
      return broker === undefined ? null : { say: `Broker ${broker} is started.`, do: [{ start: broker }] };
    }
    case 'lab/nodeAdded':
    case 'lab/nodeRemoved':
      notices.push(
        `Broker ${broker ?? '?'} was ${type === 'lab/nodeAdded' ? 'added' : 'removed'}; the number of brokers of a scenario is fixed.`,
      );
      return null;
    default:
      return loadStep(event, context);
  }
}

function faultStep(event: TimelineEvent, fault: FaultSpec, context: StepContext): Omit<Step, 'at' | 'name'> {
  const id = begun(event)[0] ?? 0;
  const as = `fault-${context.names.size + 1}`;
  context.names.set(id, as);
  context.unhealed.add(id);
  const text = describeFaultAction(fault, formatTarget);
  return { say: `${text.charAt(0).toUpperCase()}${text.slice(1)}.`, do: [{ fault, as }] };
}

function healStep(event: TimelineEvent, context: StepContext): Omit<Step, 'at' | 'name'> | null {
  const [id] = ended(event);
  const name = id === undefined ? undefined : context.names.get(id);
  // The fault was injected before the recording, so the scenario does not have it.
  if (id === undefined || name === undefined) return null;
  context.unhealed.delete(id);
  return {
    say: event.type === 'lab/nodeThawed' ? `Broker ${event.broker ?? '?'} is thawed.` : `${name} is healed.`,
    do: [{ heal: name }],
  };
}

function loadStep({ type, details }: TimelineEvent, context: StepContext): Omit<Step, 'at' | 'name'> | null {
  const id = details?.['loadId'];
  if (typeof id !== 'number') return null;
  const name = context.loadNames.get(id);
  if (name === undefined) return null;
  const member = details?.['member'];
  switch (type) {
    case 'load/started': {
      const row = context.run.get(id);
      return row === undefined ? null : { say: `Load ${name} starts.`, do: [{ run: writtenLoad(row.spec) }] };
    }
    case 'load/ended':
      return { say: `Load ${name} ends.`, do: [{ end: name }] };
    case 'load/changed': {
      const { recordsPerSecond, members } = details ?? {};
      const to = typeof recordsPerSecond === 'number' ? { recordsPerSecond } : typeof members === 'number' ? { members } : null;
      return to === null ? null : { say: `Load ${name} changes.`, do: [{ change: name, ...to }] };
    }
    case 'load/memberCrashed':
      // Periodic crashes are part of the load.
      return details?.['replaced'] === false && typeof member === 'number'
        ? { say: `A member of ${name} crashes.`, do: [{ crash: name, member }] }
        : null;
    case 'load/memberPaused':
      return typeof member === 'number' ? { say: `A member of ${name} is paused.`, do: [{ pause: name, member }] } : null;
    case 'load/memberResumed':
      return typeof member === 'number' ? { say: `The member of ${name} is resumed.`, do: [{ resume: name, member }] } : null;
    default:
      return null;
  }
}

/** Formats the file as if written by hand: short lists and maps are on one line. */
function written(scenario: ScenarioFile): string {
  const document = new Document(scenario);
  visit(document, {
    Collection(_key, node, path) {
      const items = isMap(node) ? node.items.map(({ value }) => value) : node.items;
      const inList = path.at(-1);
      const isShort = items.every((item) => isScalar(item) || (isCollection(item) && item.flow === true));
      // Of the top-level parts only items of lists: an action, an expectation, the brokers of a partition.
      if (isShort && (!isMap(node) || (isCollection(inList) && !isMap(inList)))) node.flow = true;
      else if (isMap(node) && isShort && items.length <= MOST_INLINE && path.length > 3) node.flow = true;
      return undefined;
    },
  });
  return document.toString({ lineWidth: 140 });
}

/** Expectations that hold in every outage. */
function expectationsOf(
  loads: readonly NonNullable<ScenarioFile['load']>[number][],
  topics: readonly RecordedTopic[],
  healedBy: string | null,
): ScenarioFile['expect'] {
  const expect: ScenarioFile['expect'] = [];
  for (const load of loads) {
    if (load.kind !== 'producer' || (load.acks ?? 'all') !== 'all') continue;
    const configs = topics.find(({ name }) => name === load.topic)?.configs ?? {};
    // An unclean leader may lack acknowledged records.
    if (configs['unclean.leader.election.enable'] !== 'true') expect.push({ lost: load.name, is: 'none' });
    if (load.idempotent !== false) expect.push({ duplicates: load.name, is: 'none' });
  }
  for (const { name, replicas } of healedBy === null ? [] : topics) {
    for (const partition of replicas.keys())
      expect.push({ isr: `${name}-${partition}`, size: replicas[partition]?.length ?? 0, after: healedBy ?? 'start', within: '1m' });
  }
  if (expect.length === 0) expect.push({ events: 'node/failed', atMost: 0 });
  return expect;
}

function writtenLoad(spec: LoadSpec): NonNullable<ScenarioFile['load']>[number] {
  return { ...spec };
}

function titleOf(events: readonly TimelineEvent[]): string {
  const faults = events.flatMap((event) => {
    const fault = faultOf(event);
    return fault === null ? [] : [describeFaultAction(fault, formatTarget)];
  });
  const [first = 'nothing'] = faults;
  const title = faults.length <= 1 ? `Recorded: ${first}` : `Recorded: ${first}, and ${plural(faults.length - 1, 'fault')} more`;
  return title.slice(0, 100);
}

/** Three partitions that are led by the first three brokers. */
function placeReplicas(brokers: number): number[][] {
  const replicationFactor = Math.min(3, brokers);
  return [0, 1, 2].map((partition) => Array.from({ length: replicationFactor }, (_none, replica) => ((partition + replica) % brokers) + 1));
}
