/** Clients for pictures: five topics of a shop, producers at a moderate rate, groups that keep up and one that falls behind. */
import kafkajs, { type Consumer, type Producer } from 'kafkajs';
import { setUpKafkajs } from '../electron/admin/kafkajs-setup.ts';

const TICK_MS = 250;

interface Stream {
  topic: string;
  partitions: number;
  replicationFactor: number;
  configs: Record<string, string>;
  /** Records per second. */
  rate: number;
  make(n: number): { key: string; value: string };
}

const CITIES = ['Lisbon', 'Utrecht', 'Graz', 'Tartu', 'Bergen', 'Ghent'];
const ITEMS = ['teapot', 'kettle', 'whisk', 'ladle', 'sieve', 'apron', 'grater'];
const pick = <T>(list: readonly T[], n: number): T => list[(n * 7_919) % list.length] as T;
const SAFE = { 'min.insync.replicas': '2' };

const STREAMS: readonly Stream[] = [
  {
    topic: 'orders',
    partitions: 6,
    replicationFactor: 3,
    configs: SAFE,
    rate: 60,
    make: (n) => ({
      key: `order-${n}`,
      value: JSON.stringify({ order: n, item: pick(ITEMS, n), quantity: 1 + (n % 4), city: pick(CITIES, n), total: (n % 90) + 9.5 }),
    }),
  },
  {
    topic: 'payments',
    partitions: 4,
    replicationFactor: 3,
    configs: SAFE,
    rate: 40,
    make: (n) => ({
      key: `order-${n}`,
      value: JSON.stringify({ order: n, method: n % 3 === 0 ? 'card' : 'transfer', accepted: n % 17 !== 0 }),
    }),
  },
  {
    topic: 'page-views',
    partitions: 6,
    replicationFactor: 2,
    configs: {},
    rate: 140,
    make: (n) => ({ key: `visitor-${n % 300}`, value: JSON.stringify({ path: `/shop/${pick(ITEMS, n)}`, ms: 20 + (n % 180) }) }),
  },
  {
    topic: 'stock',
    partitions: 3,
    replicationFactor: 3,
    configs: { ...SAFE, 'cleanup.policy': 'compact' },
    rate: 12,
    make: (n) => ({ key: pick(ITEMS, n), value: JSON.stringify({ left: 200 - (n % 200) }) }),
  },
  {
    topic: 'debug-log',
    partitions: 2,
    replicationFactor: 1,
    configs: { 'retention.ms': '3600000' },
    rate: 8,
    make: (n) => ({ key: `shop-${n % 3}`, value: `checkout took ${30 + (n % 60)} ms` }),
  },
];

interface Reader {
  group: string;
  topics: string[];
  members: number;
  /** Processing time of one batch of records. */
  batchMs: number;
}

const READERS: readonly Reader[] = [
  { group: 'billing', topics: ['orders', 'payments'], members: 2, batchMs: 700 },
  { group: 'warehouse', topics: ['orders', 'stock'], members: 2, batchMs: 120 },
  { group: 'dashboard', topics: ['page-views'], members: 1, batchMs: 150 },
  { group: 'fraud-check', topics: ['payments'], members: 1, batchMs: 200 },
];

export interface ShopClients {
  stop(): Promise<void>;
}

export async function startClients(brokers: readonly string[]): Promise<ShopClients> {
  setUpKafkajs();
  const { Kafka, logLevel } = kafkajs;
  const client = (clientId: string) =>
    new Kafka({ clientId, brokers: [...brokers], logLevel: logLevel.NOTHING, retry: { retries: 30, maxRetryTime: 2_000 } });

  const admin = client('shop-setup').admin();
  await admin.connect();
  await admin.createTopics({
    waitForLeaders: true,
    topics: STREAMS.map(({ topic, partitions, replicationFactor, configs }) => ({
      topic,
      numPartitions: partitions,
      replicationFactor,
      configEntries: Object.entries(configs).map(([name, value]) => ({ name, value })),
    })),
  });
  await admin.disconnect();

  let living = true;
  const producers: Producer[] = [];
  const work: Promise<void>[] = [];
  for (const stream of STREAMS) {
    const producer = client('shop').producer({ allowAutoTopicCreation: false });
    await producer.connect();
    producers.push(producer);
    work.push(feed(producer, stream, () => living));
  }
  const consumers: Consumer[] = [];
  for (const reader of READERS) {
    for (let i = 1; i <= reader.members; i++) {
      const consumer = client(`${reader.group}-${i}`).consumer({ groupId: reader.group, sessionTimeout: 20_000, maxWaitTimeInMs: 300 });
      await consumer.connect();
      await consumer.subscribe({ topics: reader.topics, fromBeginning: true });
      await consumer.run({
        // Processing time of a batch; the slow group always has some lag.
        eachBatch: async (batch) => {
          await new Promise((done) => setTimeout(done, reader.batchMs));
          await batch.heartbeat();
        },
      });
      consumers.push(consumer);
    }
  }
  return {
    async stop() {
      living = false;
      await Promise.allSettled(work);
      await Promise.allSettled([...consumers, ...producers].map((one) => one.disconnect()));
    },
  };
}

async function feed(producer: Producer, stream: Stream, living: () => boolean): Promise<void> {
  let n = 0;
  while (living()) {
    const count = Math.max(1, Math.round((stream.rate * TICK_MS) / 1_000));
    const messages = Array.from({ length: count }, () => stream.make(n++));
    try {
      await producer.send({ topic: stream.topic, acks: -1, messages });
    } catch (error) {
      // Writes to a topic with replication factor 1 fail while its broker is down; the other clients continue.
      process.stderr.write(`${stream.topic}: ${error instanceof Error ? error.message : String(error)}\n`);
    }
    await new Promise((done) => setTimeout(done, TICK_MS));
  }
}
