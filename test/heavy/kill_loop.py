"""A librdkafka producer, and a consumer group if asked for, while brokers are killed and started through the control API.

Prints one line of JSON: what was acknowledged, and what of it is lost or there twice when everything is read back.
"""
import argparse
import json
import random
import threading
import time
import urllib.request

from confluent_kafka import Consumer, Producer, TopicPartition, OFFSET_BEGINNING
from confluent_kafka.admin import AdminClient, NewTopic

parser = argparse.ArgumentParser()
parser.add_argument('--bootstrap', required=True)
parser.add_argument('--control', required=True)
parser.add_argument('--token', required=True)
parser.add_argument('--seconds', type=int, default=60)
parser.add_argument('--rate', type=int, default=2000)
parser.add_argument('--group', action='store_true')
parser.add_argument('--seed', type=int, default=1)
options = parser.parse_args()
topic = 'kill-loop-group' if options.group else 'kill-loop'
PARTITIONS = 6


def control(method, path):
    request = urllib.request.Request(options.control.rstrip('/') + path, method=method, headers={'Authorization': 'Bearer ' + options.token})
    with urllib.request.urlopen(request, timeout=30) as response:
        return response.read()


admin = AdminClient({'bootstrap.servers': options.bootstrap})
for future in admin.create_topics([NewTopic(topic, PARTITIONS, 3, config={'min.insync.replicas': '2'})]).values():
    future.result()

acked = []
failed = []
over = threading.Event()
produced = threading.Event()
kills = 0
errors = []


def produce():
    producer = Producer({
        'bootstrap.servers': options.bootstrap,
        'enable.idempotence': True,
        'acks': 'all',
        'linger.ms': 5,
        'message.timeout.ms': 60000,
    })

    def delivered(error, message):
        (acked if error is None else failed).append(message.value())

    i = 0
    start = time.time()
    while not over.is_set():
        try:
            producer.produce(topic, b'%d' % i, b'k%d' % (i % 997), callback=delivered)
            i += 1
        except BufferError:
            producer.poll(0.05)
        producer.poll(0)
        ahead = i / options.rate - (time.time() - start)
        if ahead > 0:
            time.sleep(min(ahead, 0.05))
    remaining = producer.flush(90)
    if remaining:
        errors.append('%d records neither acknowledged nor failed' % remaining)
    produced.set()


def kill():
    global kills
    dice = random.Random(options.seed)
    while not over.wait(0):
        node = dice.randint(1, 3)
        control('POST', '/nodes/%d/kill' % node)
        kills += 1
        if over.wait(2.5):
            control('POST', '/nodes/%d/start' % node)
            return
        control('POST', '/nodes/%d/start' % node)
        if over.wait(2.5):
            return


consumed = {}


def consume():
    consumer = Consumer({'bootstrap.servers': options.bootstrap, 'group.id': 'kill-loop', 'auto.offset.reset': 'earliest', 'session.timeout.ms': 10000})
    consumer.subscribe([topic])
    idle_until = None
    while True:
        for message in consumer.consume(2000, 0.5):
            if message.error() is None:
                consumed.setdefault(message.partition(), set()).add(message.offset())
                idle_until = None
        if produced.is_set():
            idle_until = idle_until or time.time() + 20
            if time.time() > idle_until or sum(map(len, consumed.values())) >= len(acked):
                break
    consumer.close()


threads = [threading.Thread(target=guard) for guard in ([produce, kill] + ([consume] if options.group else []))]
for thread in threads:
    thread.start()
time.sleep(options.seconds)
over.set()
for thread in threads:
    thread.join()

# Read everything back, from the beginning of each partition to its end as it is now.
reader = Consumer({'bootstrap.servers': options.bootstrap, 'group.id': 'reader', 'enable.auto.commit': False})
ends = {}
deadline = time.time() + 60
for partition in range(PARTITIONS):
    while True:
        try:
            ends[partition] = reader.get_watermark_offsets(TopicPartition(topic, partition), timeout=5)[1]
            break
        except Exception as error:
            if time.time() > deadline:
                raise error
reader.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in range(PARTITIONS)])
found = {}
offsets = {}
deadline = time.time() + 120
while any(offsets.get(p, -1) + 1 < ends[p] for p in range(PARTITIONS) if ends[p] > 0) and time.time() < deadline:
    for message in reader.consume(10000, 1.0):
        if message.error() is None:
            found[message.value()] = found.get(message.value(), 0) + 1
            offsets[message.partition()] = message.offset()
reader.close()

result = {
    'acked': len(acked),
    'failed': len(failed),
    'kills': kills,
    'lost': sum(1 for value in acked if value not in found),
    'duplicated': sum(count - 1 for count in found.values()),
    'invented': sum(1 for value in found if not value.isdigit()),
    'errors': errors,
}
if options.group:
    result['notConsumed'] = sum(ends.values()) - sum(len(one) for one in consumed.values())
print(json.dumps(result))
