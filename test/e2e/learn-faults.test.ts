/**
 * Each diagram of Learn after each of some random faults: what it shows is what the cluster answers a real client. The figures of
 * each page (`data-` attributes of its boxes, the state of its glyphs) are compared with the client's answers.
 */
import { Kafka, logLevel } from 'kafkajs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { setUpKafkajs } from '../../electron/admin/kafkajs-setup.ts';
import { CONCEPTS } from '../../renderer/learn/concepts.ts';
import { LEARN_TOPIC } from '../../renderer/learn/concept.ts';
import type { FaultSpec } from '../../shared/models/lab.ts';
import { hasBrowser } from '../helpers/browser.ts';
import { observe, type Observed } from '../helpers/observer.ts';
import { describeWith } from '../helpers/tools.ts';
import { Desk, FAILOVER_MS, SOON_MS } from './desk.ts';

/** A round takes ten seconds: `npm test` takes a sample of those that --heavy runs. */
const ROUNDS = Number(process.env['LEARN_ROUNDS'] ?? (process.env['BROKERDESK_HEAVY'] === '1' ? 10 : 3));
/** What says of a box what it stands for. */
const FIGURES = ['partition', 'broker', 'group', 'controller'];
const ALL = [1, 2, 3];
/** Printed with a failure; the same number gives the same faults. */
const SEED = Number(process.env['LEARN_SEED'] ?? 20261128);

/** Small, and the same everywhere: mulberry32. */
function randomOf(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

const random = randomOf(SEED);
const node = (): number => ALL[random(ALL.length)] ?? 1;
const KINDS: (() => FaultSpec)[] = [
  () => ({ type: 'kill', node: node() }),
  () => ({ type: 'stop', node: node() }),
  () => ({ type: 'freeze', node: node() }),
  () => ({ type: 'powerCut', node: node() }),
  () => {
    const a = node();
    return { type: 'partition', between: [a, (a % 3) + 1], direction: 'both' };
  },
  () => ({ type: 'partition', between: [node(), 'clients'], direction: 'both' }),
  () => ({ type: 'fullDisk', node: node() }),
  () => ({ type: 'slowDisk', node: node(), latencyMs: 150, bytesPerSecond: 0 }),
];

/** What a page shows, in figures. */
interface Shown {
  boxes: Record<string, string>[];
  glyphs: { id: string; state: string }[];
}

describeWith('a browser', hasBrowser, 'the diagrams of Learn, fault by fault', () => {
  let desk: Desk;
  let kafka: Kafka;

  beforeAll(async () => {
    setUpKafkajs();
    desk = await Desk.start('learn-faults');
    kafka = new Kafka({
      brokers: desk.web.brokers,
      clientId: 'learn-faults',
      logLevel: logLevel.NOTHING,
      connectionTimeout: 1_000,
      requestTimeout: 2_000,
      retry: { initialRetryTime: 100, maxRetryTime: 500, retries: 12 },
    });
    await desk.go(`/learn/${CONCEPTS[0]?.id ?? ''}`);
    await desk.page.getByRole('button', { name: `Create topic ${LEARN_TOPIC}` }).click();
    await desk.page.locator(`[data-glyph^="replica:${LEARN_TOPIC}-0@"]`).first().waitFor();
  });

  afterAll(async () => {
    await desk.close();
  });

  /** A script in the page, as text: these tests know no document. */
  const READ = `(() => {
    const svg = document.querySelector('svg.diagram');
    const of = (what) => [...(svg?.querySelectorAll('[data-' + what + ']') ?? [])];
    return {
      boxes: of('box').map((box) => ({ ...box.dataset })),
      glyphs: of('glyph').map(({ dataset }) => ({ id: dataset.glyph, state: dataset.state })),
    };
  })()`;
  const shown = (): Promise<Shown> => desk.page.evaluate(READ);

  /** In what they differ; empty when they agree. */
  function differences(page: Shown, cluster: Observed): string[] {
    const wrong: string[] = [];
    const claim = (holds: boolean, what: string): void => {
      if (!holds) wrong.push(what);
    };
    for (const box of page.boxes) {
      const partition =
        box['partition']?.startsWith(`${LEARN_TOPIC}-`) === true ? Number(box['partition'].slice(LEARN_TOPIC.length + 1)) : null;
      const row = partition === null ? undefined : cluster.partitions.get(partition);
      if (partition !== null) {
        claim(row !== undefined, `${box['partition']} is drawn, and is not there`);
        const leader = row === undefined || row.leader < 0 ? 'none' : `${row.leader}`;
        if (box['leader'] !== undefined)
          claim(box['leader'] === leader, `${box['partition']}: leader ${box['leader']} drawn, ${leader} observed`);
        if (box['isr'] !== undefined)
          claim(box['isr'] === row?.isr.join(' '), `${box['partition']}: ISR ${box['isr']} drawn, ${row?.isr.join(' ')} observed`);
        const end = cluster.ends.get(partition);
        if (box['end'] !== undefined && end !== undefined)
          claim(box['end'] === end, `${box['partition']}: end ${box['end']} drawn, ${end} observed`);
      }
      if (box['broker'] !== undefined && box['state'] !== undefined) {
        const listed = cluster.brokers.includes(Number(box['broker']));
        // One that the lab knows to be down or frozen is drawn so before the cluster has missed it.
        claim(listed || box['state'] !== 'online', `broker ${box['broker']}: ${box['state']} drawn, not listed`);
        claim(!listed || box['state'] !== 'fenced', `broker ${box['broker']}: fenced drawn, listed`);
      }
      const alive = /^\/brokers\/ids\/(\d+)$/.exec(box['znode'] ?? '')?.[1];
      // A fenced broker has no session, and its ephemeral node went with it.
      if (alive !== undefined)
        claim(
          (box['there'] === 'yes') === cluster.brokers.includes(Number(alive)),
          `${box['znode']}: there: ${box['there']}, brokers ${cluster.brokers.join(' ')} observed`,
        );
      if (box['controller'] !== undefined)
        claim(box['controller'] === `${cluster.controller}`, `controller ${box['controller']} drawn, ${cluster.controller} observed`);
    }
    for (const { id, state } of page.glyphs) {
      const match = new RegExp(`^replica:${LEARN_TOPIC}-(\\d+)@(\\d+)$`).exec(id);
      const row = match === null ? undefined : cluster.partitions.get(Number(match[1]));
      if (match === null || row === undefined) continue;
      const broker = Number(match[2]);
      claim(row.replicas.includes(broker), `${id} is drawn, and holds no replica`);
      const inSync = row.isr.includes(broker);
      if (state === 'leader') claim(row.leader === broker, `${id}: drawn as leader, ${row.leader} observed`);
      else claim(row.leader !== broker || state === 'offline' || state === 'unknown', `${id}: leads, and is drawn as ${state}`);
      if (state === 'inSync') claim(inSync, `${id}: drawn in sync, ISR ${row.isr.join(' ')} observed`);
      if (state === 'lagging') claim(!inSync, `${id}: drawn as lagging, and is in sync`);
    }
    return wrong;
  }

  /** Polled: the page and the client ask at different moments. Returns how many figures were compared. */
  async function agrees(concept: string): Promise<number> {
    let compared = 0;
    await expect
      .poll(
        async () => {
          const [page, observed] = await Promise.all([shown(), observe(desk.web.brokers, LEARN_TOPIC)]);
          const figures = page.boxes.filter((box) => FIGURES.some((name) => box[name] !== undefined));
          compared = figures.length + page.glyphs.length;
          if (observed.length === 0) return ['no broker answered the observer'];
          // Brokers receive a change one after another: the page may have asked any broker that knows the latest epochs.
          const wrong = observed.map((one) => differences(page, one));
          return wrong.find((list) => list.length === 0) ?? wrong[0];
        },
        { timeout: FAILOVER_MS, interval: 300, message: `${concept}, seed ${SEED}` },
      )
      .toEqual([]);
    return compared;
  }

  /** Records move the ends; who cannot take one now is passed over. */
  async function write(): Promise<number> {
    const producer = kafka.producer({ allowAutoTopicCreation: false });
    let taken = 0;
    try {
      await producer.connect();
      for (const partition of [0, 1, 2])
        await producer.send({ topic: LEARN_TOPIC, acks: 1, timeout: 2_000, messages: [{ partition, value: 'moved' }] }).then(
          () => (taken += 1),
          () => undefined,
        );
    } finally {
      await producer.disconnect();
    }
    return taken;
  }

  const wholeAgain = async (): Promise<void> => {
    await expect
      .poll(
        async () => {
          const [first] = await observe(desk.web.brokers, LEARN_TOPIC);
          return (
            first !== undefined &&
            first.brokers.length === ALL.length &&
            [...first.partitions.values()].every(({ isr }) => isr.length === ALL.length)
          );
        },
        { timeout: 2 * FAILOVER_MS },
      )
      .toBe(true);
  };

  test(
    `${ROUNDS} faults, ${CONCEPTS.length} pages`,
    async () => {
      for (let round = 0; round < ROUNDS; round++) {
        expect(await write()).toBe(3);
        const fault = (KINDS[random(KINDS.length)] ?? KINDS[0])?.() ?? { type: 'kill', node: 1 };
        await desk.ask('lab/inject', { fault });
        for (const { id, title } of CONCEPTS) {
          await desk.go(`/learn/${id}`);
          await desk.title(title).waitFor();
          await desk.page.locator('svg.diagram [data-box]').first().waitFor({ timeout: SOON_MS });
          expect(await agrees(`round ${round} (${JSON.stringify(fault)}), ${id}`), `${id} shows no figure`).toBeGreaterThan(0);
        }
        const { failed } = await desk.ask('lab/healAll', {});
        expect(failed).toEqual([]);
        await wholeAgain();
      }
      expect(desk.complaints).toEqual([]);
    },
    ROUNDS * 120_000,
  );
});
