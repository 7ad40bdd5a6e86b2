import { writeFileSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ClusterProcess } from '../helpers/cluster-process.ts';
import { runOk } from '../helpers/run.ts';
import { describeWith, pythonHas } from '../helpers/tools.ts';

const KAFKA_PYTHON = `
import sys, json
from kafka import KafkaProducer, KafkaConsumer, KafkaAdminClient
from kafka.admin import NewTopic
bootstrap = sys.argv[1]
admin = KafkaAdminClient(bootstrap_servers=bootstrap)
admin.create_topics([NewTopic('kafka-python', 6, 3)])
sent = 0
for codec in (None, 'gzip'):
    producer = KafkaProducer(bootstrap_servers=bootstrap, acks='all', compression_type=codec)
    for i in range(10000):
        producer.send('kafka-python', key=b'k%d' % i, value=b'%s-%d' % (str(codec).encode(), i))
        sent += 1
    producer.flush()
    producer.close()
seen = set()
consumer = KafkaConsumer('kafka-python', bootstrap_servers=bootstrap, group_id='kp', auto_offset_reset='earliest', consumer_timeout_ms=60000)
for message in consumer:
    seen.add(message.value)
    if len(seen) == sent: break
consumer.close()
print(json.dumps({'sent': sent, 'seen': len(seen)}))
`;

const CONFLUENT = `
import sys, json, time
from confluent_kafka import Producer, Consumer
from confluent_kafka.admin import AdminClient, NewTopic
bootstrap = sys.argv[1]
admin = AdminClient({'bootstrap.servers': bootstrap})
for future in admin.create_topics([NewTopic('confluent', 6, 3)]).values(): future.result()
acked = []
def done(error, message):
    if error is None: acked.append(message.value())
producer = Producer({'bootstrap.servers': bootstrap, 'enable.idempotence': True, 'compression.type': 'lz4'})
for i in range(20000):
    producer.produce('confluent', b'v%d' % i, b'k%d' % i, callback=done)
    producer.poll(0)
producer.flush(60)
seen = set()
consumer = Consumer({'bootstrap.servers': bootstrap, 'group.id': 'ck', 'auto.offset.reset': 'earliest'})
consumer.subscribe(['confluent'])
end = time.time() + 90
while len(seen) < len(acked) and time.time() < end:
    for message in consumer.consume(1000, 0.5):
        if message.error() is None: seen.add(message.value())
consumer.commit(asynchronous=False)
consumer.close()
print(json.dumps({'sent': len(acked), 'seen': len(seen)}))
`;

const TRANSACTIONAL = `
import sys, json, time
from confluent_kafka import Producer, KafkaException
producer = Producer({'bootstrap.servers': sys.argv[1], 'transactional.id': 'any'})
began = time.time()
try:
    producer.init_transactions(60)
    print(json.dumps({'name': None}))
except KafkaException as failure:
    print(json.dumps({'name': failure.args[0].name(), 'early': time.time() - began < 30}))
`;

function python(source: string, ...args: string[]) {
  const file = join(mkdtempSync(join(tmpdir(), 'brokerdesk-py-')), 'client.py');
  writeFileSync(file, source);
  return runOk('/usr/bin/python3', [file, ...args], { timeoutMs: 240_000 });
}

const cases = [
  ['kafka', 'python3-kafka', KAFKA_PYTHON],
  ['confluent_kafka', 'python3-confluent-kafka', CONFLUENT],
] as const;

for (const [module, name, source] of cases) {
  describeWith(name, pythonHas(module), name, () => {
    let cluster: ClusterProcess;
    beforeAll(async () => {
      cluster = await ClusterProcess.start();
    });
    afterAll(async () => {
      await cluster.stop();
    });

    test('20,000 records there and back', async () => {
      const { stdout } = await python(source, cluster.bootstrap);
      expect(JSON.parse(stdout.trim().split('\n').at(-1) ?? '')).toEqual({ sent: 20_000, seen: 20_000 });
    });

    if (module === 'confluent_kafka') {
      test('a transactional producer ends by a fatal error, long before its time is up', async () => {
        const { stdout } = await python(TRANSACTIONAL, cluster.bootstrap);
        expect(JSON.parse(stdout.trim().split('\n').at(-1) ?? '')).toEqual({ name: 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED', early: true });
      });
    }
  });
}
