/**
 * What somebody did in the Lab, as a scenario: its faults and their healing at the times at which they were done, the load
 * that ran meanwhile, and what holds of every such outage. Brokers are named by their numbers and copies placed as they
 * were, so that running it does the same again.
 */
import { Document, isCollection, isMap, isScalar, visit } from 'yaml';
import { topicConfigs } from '../admin/configs.ts';
import type { ClusterClient } from '../admin/cluster-client.ts';
import { ServiceError } from '../services/errors.ts';
import type { Lab } from '../services/lab.ts';
import type { Loads } from '../services/load.ts';
import { writeDuration } from '#shared/durations';
import type { FaultSpec } from '#shared/models/lab';
import type { LoadRow, LoadSpec } from '#shared/models/load';
import type { TimelineEvent } from '#shared/models/timeline';
import type { ScenarioFile } from '#shared/scenario-schema';
import { freeName } from './preparing.ts';
import { faultWords, many, plainTarget } from './words.ts';

export interface Recording {
  /** The file, ready to be saved. */
  text: string;
  name: string;
  /** What of it could not be told in a scenario, or was added. */
  notices: string[];
}

export interface RecordedTopic {
  name: string;
  /** Broker ids by partition, the preferred leader first. */
  replicas: number[][];
  /** Its own settings, without the defaults. */
  configs: Record<string, string>;
}

type Step = ScenarioFile['steps'][number];

/** Outages with no more than this between them are one story. */
const QUIET_MS = 60_000;
/** What runs before the first fault, so that there is something to break. */
const LEAD_MS = 3_000;
const HEADER =
  "# Recorded in Brokerdesk's Lab. It runs there and headless: npm run scenario -- FILE. docs/scenarios.md explains the format.";
const FALLBACK_TOPIC = 'recorded';
/** Of keys in a table on one line. */
const MOST_INLINE = 6;

/** `except`: times (wall-clock ms) in which a scenario ran: what it did, nobody did by hand. */
export async function recordScenario(from: {
  lab: Lab;
  loads: Loads;
  client: ClusterClient;
  sinceAt: number | null;
  except: readonly { from: number; until: number }[];
}): Promise<Recording> {
  const events = from.lab.timeline(0).filter(({ at }) => !from.except.some((run) => at >= run.from && at <= run.until));
  const rows = from.loads.list();
  const window = windowOf(events, from.sinceAt, Date.now());
  const wanted = topicsOf(window, rows);
  const topics = await describeTopics(from.client, wanted);
  const nodes = await from.lab.nodes();
  return recordingOf({
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

const DOWN: Readonly<Partial<Record<TimelineEvent['type'], 'stop' | 'kill' | 'powerCut' | 'freeze'>>> = {
  'lab/nodeStopped': 'stop',
  'lab/nodeKilled': 'kill',
  'lab/powerCut': 'powerCut',
  'lab/nodeFrozen': 'freeze',
};

/** Events of what a person did, from that moment on, or from the beginning of the last outage. */
export function windowOf(events: readonly TimelineEvent[], sinceAt: number | null, now: number): TimelineEvent[] {
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

function begun({ type, details }: TimelineEvent): number[] {
  const id = details?.['faultId'];
  return typeof id === 'number' && (type in DOWN || type === 'lab/faultInjected') ? [id] : [];
}

function ended({ type, details }: TimelineEvent): number[] {
  if (type === 'lab/nodeStarted')
    return Array.isArray(details?.['faultIds']) ? details['faultIds'].filter((id) => typeof id === 'number') : [];
  const id = details?.['faultId'];
  return typeof id === 'number' && (type === 'lab/nodeThawed' || type === 'lab/faultHealed') ? [id] : [];
}

/** Loads that ran in that time, in the order in which they were started. */
function loadsOf(events: readonly TimelineEvent[], rows: readonly LoadRow[]): LoadRow[] {
  const first = events[0]?.at ?? 0;
  const named = new Set(events.flatMap(({ details }) => (typeof details?.['loadId'] === 'number' ? [details['loadId']] : [])));
  return rows.filter((row) => named.has(row.id) || row.state === 'running' || (row.since >= first && row.state !== 'starting'));
}

function topicsOf(events: readonly TimelineEvent[], rows: readonly LoadRow[]): string[] {
  const names = new Set<string>();
  for (const { spec } of loadsOf(events, rows)) for (const topic of spec.kind === 'producer' ? [spec.topic] : spec.topics) names.add(topic);
  for (const { details } of events) {
    const fault = faultOf(details);
    if (fault?.type === 'corrupt') names.add(fault.topic);
  }
  return [...names];
}

/** Throws `ServiceError` when nothing was broken. */
export function recordingOf(from: {
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
      message: 'Nothing was broken in that time.',
      advice: 'Break something in the Lab, or choose an earlier moment.',
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
      replicas: placed(from.brokers),
      configs: { 'min.insync.replicas': String(Math.min(2, from.brokers)) },
    });
    const name = freeName('writer', new Set(rows.map(({ spec }) => spec.name)));
    load.push({ kind: 'producer', name, topic: topics.at(-1)?.name ?? FALLBACK_TOPIC, recordsPerSecond: 50 });
    notices.push('No producer ran when it was broken, so a producer was added: without one nothing could be lost.');
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
    about: `Recorded in the Lab on ${stamp.replace('T', ' at ')} (UTC): what was broken and healed there, at the same times, under the same load.`,
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
  /** Names that this file gives to faults, by their ids. */
  names: Map<number, string>;
  loadNames: Map<number, string>;
  unhealed: Set<number>;
}

function stepOf(event: TimelineEvent, context: StepContext, notices: string[]): Omit<Step, 'at' | 'name'> | null {
  const { type, broker, details } = event;
  const down = DOWN[type];
  if (down !== undefined && broker !== undefined) return faultStep(event, { type: down, node: broker }, context);
  switch (type) {
    case 'lab/faultInjected': {
      const fault = faultOf(details);
      return fault === null ? null : faultStep(event, fault, context);
    }
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
        `Broker ${broker ?? '?'} was ${type === 'lab/nodeAdded' ? 'added' : 'removed'}; a scenario has the brokers that it begins with.`,
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
  const words = faultWords(fault, plainTarget);
  return { say: `${words.charAt(0).toUpperCase()}${words.slice(1)}.`, do: [{ fault, as }] };
}

function healStep(event: TimelineEvent, context: StepContext): Omit<Step, 'at' | 'name'> | null {
  const [id] = ended(event);
  const name = id === undefined ? undefined : context.names.get(id);
  // Begun before the recording: the scenario starts without it.
  if (id === undefined || name === undefined) return null;
  context.unhealed.delete(id);
  return {
    say: event.type === 'lab/nodeThawed' ? `Broker ${event.broker ?? '?'} gets on again.` : `${name} is healed.`,
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
      return row === undefined ? null : { say: `Load ${name} begins.`, do: [{ run: writtenLoad(row.spec) }] };
    }
    case 'load/ended':
      return { say: `Load ${name} ends.`, do: [{ end: name }] };
    case 'load/changed': {
      const { recordsPerSecond, members } = details ?? {};
      const to = typeof recordsPerSecond === 'number' ? { recordsPerSecond } : typeof members === 'number' ? { members } : null;
      return to === null ? null : { say: `Load ${name} changes.`, do: [{ change: name, ...to }] };
    }
    case 'load/memberCrashed':
      // Those that crash by themselves do so again: it is in the load.
      return details?.['replaced'] === false && typeof member === 'number'
        ? { say: `A member of ${name} crashes.`, do: [{ crash: name, member }] }
        : null;
    case 'load/memberPaused':
      return typeof member === 'number' ? { say: `A member of ${name} stands still.`, do: [{ pause: name, member }] } : null;
    case 'load/memberResumed':
      return typeof member === 'number' ? { say: `That member of ${name} goes on.`, do: [{ resume: name, member }] } : null;
    default:
      return null;
  }
}

/** As a person would write it: what is short stands on one line. */
function written(scenario: ScenarioFile): string {
  const document = new Document(scenario);
  visit(document, {
    Collection(_key, node, path) {
      const items = isMap(node) ? node.items.map(({ value }) => value) : node.items;
      const inList = path.at(-1);
      const isShort = items.every((item) => isScalar(item) || (isCollection(item) && item.flow === true));
      // Of the file's own parts only what stands in a list: an action, an expectation, the brokers of a partition.
      if (isShort && (!isMap(node) || (isCollection(inList) && !isMap(inList)))) node.flow = true;
      else if (isMap(node) && isShort && items.length <= MOST_INLINE && path.length > 3) node.flow = true;
      return undefined;
    },
  });
  return document.toString({ lineWidth: 140 });
}

/** Only what every cluster promises, whatever was broken. */
function expectationsOf(
  loads: readonly NonNullable<ScenarioFile['load']>[number][],
  topics: readonly RecordedTopic[],
  healedBy: string | null,
): ScenarioFile['expect'] {
  const expect: ScenarioFile['expect'] = [];
  for (const load of loads) {
    if (load.kind !== 'producer' || (load.acks ?? 'all') !== 'all') continue;
    const configs = topics.find(({ name }) => name === load.topic)?.configs ?? {};
    // A leader from outside the ISR may lack what was acknowledged: there the cluster promises nothing.
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
    const down = DOWN[event.type];
    if (down !== undefined && event.broker !== undefined) return [faultWords({ type: down, node: event.broker }, plainTarget)];
    const fault = faultOf(event.details);
    return event.type === 'lab/faultInjected' && fault !== null ? [faultWords(fault, plainTarget)] : [];
  });
  const [first = 'nothing'] = faults;
  const title = faults.length <= 1 ? `Recorded: ${first}` : `Recorded: ${first}, and ${many(faults.length - 1, 'fault')} more`;
  return title.slice(0, 100);
}

function faultOf(details: TimelineEvent['details']): FaultSpec | null {
  const fault = details?.['fault'];
  return typeof fault === 'object' && fault !== null && 'type' in fault ? (fault as FaultSpec) : null;
}

/** Three partitions, a leader on each of the first three brokers. */
function placed(brokers: number): number[][] {
  const copies = Math.min(3, brokers);
  return [0, 1, 2].map((partition) => Array.from({ length: copies }, (_none, replica) => ((partition + replica) % brokers) + 1));
}
