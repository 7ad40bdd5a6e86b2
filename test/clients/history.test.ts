/**
 * Compares time travel with an independent observer: while one broker is killed and started and another one freezes, a second connection
 * stores the messages that it receives, and a real client reads metadata from the brokers. Then the history is read at 50 random times.
 *
 * Rules for a time t:
 * - The observer has received version V, which the history returns for t, and the whole view equals the one that the observer has built
 *   for V from the first view and the patches.
 * - V was the version at t: the observer had not received V+1 by t, since a message is published before it is received. No view in a
 *   response that had arrived by t is newer than V, and no view that was requested after t is older.
 * - The faults are the last ones that the observer had received by t, or received within the transit time of a message.
 * - The real client: `asOf` is the time of the metadata in the view (late while the queried broker is frozen). If all of the client's
 *   readings of a partition within AROUND_MS of it are equal, the history has that value; else the value of one of them. Replicas on
 *   brokers that the view shows as down are left out on both sides: the supervisor knows of a crash before the metadata does.
 */
import { Kafka, logLevel, type Admin } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { setUpKafkajs } from '../../electron/admin/kafkajs-setup.ts';
import { seededRandom } from '../../electron/cluster/lib/random.ts';
import type { ClusterPatch } from '#shared/ipc';
import type { ClusterView } from '#shared/models/cluster';
import type { Moment } from '#shared/models/history';
import type { Fault, FaultSpec } from '#shared/models/lab';
import { until } from '../helpers/processes.ts';
import { WebClient } from '../helpers/web-client.ts';
import { WebProcess } from '../helpers/web-process.ts';
import { pause } from '../../shared/waiting.ts';

const TOPIC = 'orders';
const PARTITIONS = [0, 1, 2];
const MOMENTS = 50;
/** Brokers receive a metadata change one after another, and a response takes time. */
const AROUND_MS = 1_500;
/** From a publication to the observer, on a machine that is busy. */
const MESSAGE_MS = 1_500;

interface ReceivedVersion {
  at: number;
  version: number;
}

/** Leader and ISR of one partition. */
interface Standing {
  leader: number | null;
  isr: number[];
}

/** Its own connection: the view once, then patches, and views again as a cross-check. */
class Observer {
  readonly views = new Map<number, ClusterView>();
  readonly received: ReceivedVersion[] = [];
  readonly answers: (ReceivedVersion & { asked: number })[] = [];
  readonly faults: { at: number; faults: Fault[] }[] = [];
  private readonly client: WebClient;
  private readonly early: { at: number; patch: ClusterPatch }[] = [];
  private latest: ClusterView | null = null;
  private version = -1;
  private stopped = false;
  private polling: Promise<void> | undefined;

  private constructor(client: WebClient) {
    this.client = client;
    client.on('cluster/patched', (patch) => {
      if (this.latest === null) this.early.push({ at: Date.now(), patch });
      else this.apply(patch, Date.now());
    });
    client.on('lab/faultsChanged', ({ faults }) => this.faults.push({ at: Date.now(), faults }));
  }

  static async start(line: WebProcess['line']): Promise<Observer> {
    const observer = new Observer(await WebClient.open(line));
    observer.faults.push({ at: Date.now(), faults: (await observer.client.ask('lab/faults', {})).faults });
    const { version, view } = await observer.client.ask('cluster/view', {});
    observer.latest = view;
    observer.version = version;
    observer.views.set(version, view);
    for (const { at, patch } of observer.early) observer.apply(patch, at);
    observer.polling = observer.poll();
    return observer;
  }

  /** Applies patches in their order, by code that is independent of the renderer's. */
  private apply(patch: ClusterPatch, at: number): void {
    if (patch.version <= this.version || this.latest === null) return;
    expect(patch.base).toBe(this.version);
    const view: ClusterView = { ...this.latest, ...patch.scalars };
    view.brokers = merged(view.brokers, patch.brokers, (row) => row.id).sort((a, b) => a.id - b.id);
    view.topics = merged(view.topics, patch.topics, (row) => row.name).sort((a, b) => (a.name < b.name ? -1 : 1));
    view.groups = merged(view.groups, patch.groups, (row) => row.id).sort((a, b) => (a.id < b.id ? -1 : 1));
    this.latest = view;
    this.version = patch.version;
    this.views.set(patch.version, view);
    this.received.push({ at, version: patch.version });
  }

  private async poll(): Promise<void> {
    while (!this.stopped) {
      const asked = Date.now();
      const { version, view } = await this.client.ask('cluster/view', {});
      this.answers.push({ asked, at: Date.now(), version });
      // The view of the main process equals the one that was built from patches.
      const built = this.views.get(version);
      if (built !== undefined) expect(view).toEqual(built);
      await pause(40);
    }
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.polling;
    this.client.close();
  }
}

function merged<Key, Row>(rows: readonly Row[], { set, removed }: { set: Row[]; removed: Key[] }, keyOf: (row: Row) => Key): Row[] {
  const gone = new Set([...removed, ...set.map(keyOf)]);
  return [...rows.filter((row) => !gone.has(keyOf(row))), ...set];
}

describe('time travel', () => {
  let web: WebProcess;
  let control: WebClient;
  let observer: Observer;
  let admin: Admin;
  /** Responses of the brokers to a real client, with the times of request and response. */
  const readings: { asked: number; at: number; partitions: Map<number, Standing> }[] = [];
  let began = 0;
  let ended = 0;

  beforeAll(async () => {
    setUpKafkajs();
    web = await WebProcess.start();
    control = await WebClient.open(web.line);
    const client = new Kafka({
      brokers: web.brokers,
      clientId: 'observer',
      logLevel: logLevel.NOTHING,
      connectionTimeout: 1_500,
      requestTimeout: 1_500,
      retry: { initialRetryTime: 50, maxRetryTime: 100, retries: 4 },
    });
    // That one is hasty, to ask often while brokers do not answer. A topic is created with patience.
    const patient = new Kafka({ brokers: web.brokers, logLevel: logLevel.NOTHING, retry: { retries: 60 } }).admin();
    await patient.connect();
    await patient.createTopics({
      waitForLeaders: true,
      topics: [
        {
          topic: TOPIC,
          replicaAssignment: PARTITIONS.map((p) => ({ partition: p, replicas: [1, 2, 3].map((id) => ((id + p - 1) % 3) + 1) })),
        },
      ],
    });
    await patient.disconnect();
    admin = client.admin();
    const connects = (): Promise<boolean> =>
      admin.connect().then(
        () => true,
        () => false,
      );
    await until('the observer is connected', 60_000, connects);
    observer = await Observer.start(web.line);
  });

  afterAll(async () => {
    await admin.disconnect();
    control.close();
    expect(await web.stop()).toBe(0);
  });

  async function ask(): Promise<void> {
    const asked = Date.now();
    try {
      const { topics } = await admin.fetchTopicMetadata({ topics: [TOPIC] });
      const partitions = new Map(
        (topics[0]?.partitions ?? []).map(({ partitionId, leader, isr }) => [partitionId, { leader: leader < 0 ? null : leader, isr }]),
      );
      readings.push({ asked, at: Date.now(), partitions });
    } catch (error) {
      // It asked one that is down or frozen; kafkajs tries another one.
      if (!(error instanceof Error)) throw error;
    }
  }

  test('an observer stores what it receives while brokers are killed, frozen and started', async () => {
    await expect
      .poll(() => observer.views.get(Math.max(...observer.views.keys()))?.topics.some(({ name }) => name === TOPIC), { timeout: 15_000 })
      .toBe(true);
    await pause(2 * AROUND_MS);
    const inject = (fault: FaultSpec): Promise<Fault> => control.ask('lab/inject', { fault });
    let over = false;
    const client = (async () => {
      while (!over) {
        await ask();
        await pause(60);
      }
    })();
    began = Date.now();
    await pause(2_500);
    const killed = await inject({ type: 'kill', node: 3 });
    await pause(8_000);
    await control.ask('lab/heal', { id: killed.id });
    await pause(5_000);
    await inject({ type: 'partition', between: [1, 'clients'], direction: 'both' });
    await inject({ type: 'freeze', node: 2 });
    await pause(8_000);
    ended = Date.now();
    over = true;
    await client;
    await control.ask('lab/healAll', {});
    await observer.stop();
    expect(observer.received.length).toBeGreaterThan(40);
    expect(readings.length).toBeGreaterThan(40);
  });

  test(`the history at ${MOMENTS} random times equals what the observer stored`, async () => {
    const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
    const random = seededRandom(seed);
    const range = await control.ask('history/range', {});
    expect(range.from).toBeLessThan(began);
    const states = new Set<string>();
    const judged = { exact: 0, around: 0 };
    for (let i = 0; i < MOMENTS; i++) {
      const t = began + random.int(ended - began);
      const where = `seed ${seed}, ${t - began} ms after the beginning`;
      const started = performance.now();
      const moment = await control.ask('history/at', { at: t });
      expect(performance.now() - started, where).toBeLessThan(5_000);
      if (moment === null) throw new Error(`${where}: nothing is recorded`);
      judgeVersion(moment, t, where);
      judgeFaults(moment, t, where);
      judgeByClient(moment, t, where, judged);
      states.add(moment.view.brokers.map(({ state }) => state).join());
    }
    console.info(
      `seed ${seed}: ${MOMENTS} moments, ${observer.views.size} versions, ${states.size} different states of the brokers, ` +
        `of ${judged.exact + judged.around} partitions that the client read ${judged.exact} did not change around it; the record takes ${(range.bytes / 1024).toFixed(0)} KiB`,
    );
    // Neither all times without changes nor all during changes.
    expect(states.size).toBeGreaterThan(2);
    expect(judged.exact).toBeGreaterThan(MOMENTS / 2);
  });

  function judgeVersion(moment: Moment, t: number, where: string): void {
    const { version } = moment;
    expect(observer.views.has(version), `${where}: version ${version} was never received`).toBe(true);
    expect(moment.view, where).toEqual(observer.views.get(version));
    const next = observer.received.find((one) => one.version === version + 1);
    if (next !== undefined) expect(next.at, `${where}: version ${version + 1} had been received by then`).toBeGreaterThan(t);
    const known = observer.answers.findLast((answer) => answer.at <= t);
    if (known !== undefined) expect(version, where).toBeGreaterThanOrEqual(known.version);
    const later = observer.answers.find((answer) => answer.asked > t);
    if (later !== undefined) expect(version, where).toBeLessThanOrEqual(later.version);
  }

  /** Milliseconds: the longest time from one answer to the next soon after `t`. A process that did not run received its messages late. */
  function longestSilence(t: number): number {
    const { answers } = observer;
    const gaps = answers.slice(1).map(({ at }, index) => ({ from: answers[index]?.at ?? at, until: at }));
    const near = gaps.filter(({ from, until: to }) => to >= t && from <= t + MESSAGE_MS);
    return Math.max(0, ...near.map(({ from, until: to }) => to - from));
  }

  function judgeFaults(moment: Moment, t: number, where: string): void {
    const before = observer.faults.findLast((one) => one.at <= t) ?? observer.faults[0];
    const latest = t + MESSAGE_MS + longestSilence(t);
    const possible = [before, ...observer.faults.filter((one) => one.at > t && one.at <= latest)].map((one) => one?.faults);
    expect(possible, where).toContainEqual(moment.faults);
  }

  function judgeByClient(moment: Moment, t: number, where: string, judged: { exact: number; around: number }): void {
    const { asOf } = moment.view;
    expect(asOf, where).toBeLessThanOrEqual(t);
    const around = readings.filter((one) => one.at >= asOf - AROUND_MS && one.asked <= asOf + AROUND_MS);
    // Without a reading on either side it is unknown whether the partition changed.
    if (!around.some((one) => one.at <= asOf) || !around.some((one) => one.asked >= asOf)) return;
    const down = new Set(moment.view.brokers.filter(({ state }) => state === 'down').map(({ id }) => id));
    const living = ({ leader, isr }: Standing): string =>
      JSON.stringify({ leader: leader === null || down.has(leader) ? null : leader, isr: isr.filter((id) => !down.has(id)).sort() });
    const topic = moment.view.topics.find(({ name }) => name === TOPIC);
    for (const p of PARTITIONS) {
      const row = topic?.partitions.find(({ partition }) => partition === p);
      if (row === undefined) throw new Error(`${where}: ${TOPIC}-${p} is not in the record`);
      const values = new Set(around.flatMap(({ partitions }) => partitions.get(p) ?? []).map(living));
      if (values.size === 1) judged.exact += 1;
      else judged.around += 1;
      expect([...values], `${where}: ${TOPIC}-${p}`).toContain(living(row));
    }
  }
});
