"""A librdkafka producer, and a consumer group if asked for, while brokers go down and come back through the control API.

--mode says what goes down: `one` random broker, `two` at once, the `controller` (killed), a broker that is `stop`ped in order, or
`none`: then whoever called this ends and starts the whole cluster meanwhile.
Prints one line of JSON: what was acknowledged, what of it is lost or there twice when everything is read back, and the longest
time that passed between two acknowledgements.
"""
import argparse
import json
import random
import threading
import time
import urllib.error
import urllib.request

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition, OFFSET_BEGINNING
from confluent_kafka.admin import AdminClient, NewTopic

parser = argparse.ArgumentParser()
parser.add_argument('--bootstrap', required=True)
parser.add_argument('--control', default='')
parser.add_argument('--token', default='')
parser.add_argument('--mode', choices=['one', 'two', 'controller', 'stop', 'none'], default='one')
parser.add_argument('--down', type=float, default=2.5, help='seconds that a broker is away')
parser.add_argument('--up', type=float, default=2.5, help='seconds that all are there')
parser.add_argument('--seconds', type=int, default=60)
parser.add_argument('--rate', type=int, default=2000)
parser.add_argument('--group', action='store_true')
parser.add_argument('--seed', type=int, default=1)
options = parser.parse_args()
topic = 'kill-loop-%s%s' % (options.mode, '-group' if options.group else '')
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
pauses = []


def troubled(error):
    """Brokers that are gone are what this is about; an error that ends the producer is told with its reason, which `produce()` does not give."""
    if error.fatal():
        errors.append('fatal: %s' % error)


def produce():
    producer = Producer({
        'bootstrap.servers': options.bootstrap,
        'enable.idempotence': True,
        'acks': 'all',
        'linger.ms': 5,
        'message.timeout.ms': 60000,
        # Else the longest pause is the client's own patience, which grows to 10 s.
        'reconnect.backoff.max.ms': 500,
        'error_cb': troubled,
    })

    last = [None]

    def delivered(error, message):
        (acked if error is None else failed).append(message.value())
        if error is not None:
            errors.append(str(error))
            return
        now = time.time()
        if last[0] is not None and now - last[0] > 0.2:
            pauses.append(now - last[0])
        last[0] = now

    i = 0
    start = time.time()
    while not over.is_set():
        try:
            producer.produce(topic, b'%d' % i, b'k%d' % (i % 997), callback=delivered)
            i += 1
        except BufferError:
            producer.poll(0.05)
        except KafkaException:
            # Why it ended is told to `troubled`, and only while somebody polls.
            producer.poll(1)
            raise
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
    while not over.is_set():
        chosen = victims(dice)
        for node in chosen:
            control('POST', '/nodes/%d/%s' % (node, 'stop' if options.mode == 'stop' else 'kill'))
            kills += 1
        over.wait(options.down)
        # Side by side: a node answers when it serves, and of two that were killed neither does without the other.
        starts = [threading.Thread(target=guard(start), args=[node]) for node in chosen]
        for thread in starts:
            thread.start()
        for thread in starts:
            thread.join()
        over.wait(options.up)


def start(node):
    control('POST', '/nodes/%d/start' % node)


def victims(dice):
    if options.mode == 'two':
        return dice.sample([1, 2, 3], 2)
    if options.mode == 'controller':
        nodes = json.loads(control('GET', '/nodes'))
        nodes = nodes if isinstance(nodes, list) else nodes['nodes']
        return [node['id'] for node in nodes if node['role'] == 'leader'][:1]
    return [dice.randint(1, 3)]


def guard(work):
    """What fails in a thread is part of the outcome."""
    def run(*args):
        try:
            work(*args)
        except urllib.error.HTTPError as error:
            errors.append('%s: %s %s' % (error.url, error.code, error.read().decode()))
        except Exception as error:
            errors.append('%s: %r' % (work.__name__, error))
    return run


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


threads = [threading.Thread(target=guard(work)) for work in ([produce] + ([kill] if options.mode != 'none' else []) + ([consume] if options.group else []))]
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
first = {}
twice = []
offsets = {}
last = {}
reordered = []
deadline = time.time() + 120
while any(offsets.get(p, -1) + 1 < ends[p] for p in range(PARTITIONS) if ends[p] > 0) and time.time() < deadline:
    for message in reader.consume(10000, 1.0):
        if message.error() is None:
            found[message.value()] = found.get(message.value(), 0) + 1
            if message.value() in first:
                twice.append('%s[%d]: %d and %d' % (message.value().decode(), message.partition(), first[message.value()], message.offset()))
            first.setdefault(message.value(), message.offset())
            offsets[message.partition()] = message.offset()
            # What is no number is counted as invented.
            number = int(message.value()) if message.value().isdigit() else 0
            if number < last.get(message.partition(), -1):
                reordered.append('[%d] at %d: %d after %d' % (message.partition(), message.offset(), number, last[message.partition()]))
            last[message.partition()] = number
reader.close()

result = {
    'acked': len(acked),
    'failed': len(failed),
    'kills': kills,
    'lost': sum(1 for value in acked if value not in found),
    'duplicated': sum(count - 1 for count in found.values()),
    'twice': twice[:3],
    'reordered': len(reordered),
    'outOfOrder': reordered[:3],
    'invented': sum(1 for value in found if not value.isdigit()),
    'longestPauseMs': round(max(pauses, default=0.2) * 1000),
    'errors': errors[:5],
}
if options.group:
    result['notConsumed'] = sum(ends.values()) - sum(len(one) for one in consumed.values())
print(json.dumps(result))
