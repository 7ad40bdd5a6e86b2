"""The recipes of kazoo against an endpoint: prints a line of JSON with what each of them came to."""

import json
import sys
import threading

from kazoo.client import KazooClient
from kazoo.recipe.cache import TreeCache
from kazoo.recipe.watchers import PatientChildrenWatch

hosts = sys.argv[1].split(",")
a = KazooClient(hosts=hosts[0], timeout=15)
b = KazooClient(hosts=hosts[-1], timeout=15)
a.start()
b.start()
out = {}


def within(holds, seconds=20):
    event = threading.Event()
    for _ in range(seconds * 50):
        if holds():
            return True
        event.wait(0.02)
    return False


def in_thread(work):
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


lock, other = a.Lock("/kz/lock", "a"), b.Lock("/kz/lock", "b")
lock.acquire()
# A server may be behind the writes of a client at another one; sync waits for them.
out["lock"] = [other.acquire(blocking=False)]
a.sync("/kz/lock")
out["lock"].append(lock.contenders())
lock.release()
out["lock"].append(other.acquire(timeout=10))
other.release()

reads = [client.ReadLock("/kz/rw", "r") for client in (a, b)]
out["readers"] = [read.acquire(timeout=10) for read in reads]
for read in reads:
    read.release()

one, two = a.Semaphore("/kz/semaphore", max_leases=1), b.Semaphore("/kz/semaphore", max_leases=1)
out["semaphore"] = [one.acquire(), two.acquire(blocking=False)]
one.release()
out["semaphore"].append(two.acquire(timeout=10))
two.release()

barrier = a.Barrier("/kz/barrier")
barrier.create()
waiting = in_thread(lambda: out.__setitem__("barrier", b.Barrier("/kz/barrier").wait(20)))
barrier.remove()
waiting.join(20)

double = [client.DoubleBarrier("/kz/double", 2) for client in (a, b)]
passed = []


def cross(one):
    one.enter()
    one.leave()
    passed.append(True)


for thread in [in_thread(lambda one=one: cross(one)) for one in double]:
    thread.join(20)
out["double barrier"] = passed

party = [client.Party("/kz/party", name) for client, name in ((a, "a"), (b, "b"))]
for one in party:
    one.join()
# The two clients may be at two servers, of which one applies the metadata a little later.
within(lambda: len(party[0]) == 2)
out["party"] = sorted(party[0])
party[1].leave()
out["party"].append(within(lambda: len(party[0]) == 1))

led = []
elections = [a.Election("/kz/election", "a"), b.Election("/kz/election", "b")]
for thread in [in_thread(lambda one=one, name=name: one.run(lambda: led.append(name))) for one, name in zip(elections, "ab")]:
    thread.join(20)
out["election"] = sorted(led)

queue = a.Queue("/kz/queue")
for value in (b"1", b"2", b"3"):
    queue.put(value, priority=100 - int(value))
b.sync("/kz/queue")
out["queue"] = [b.Queue("/kz/queue").get().decode() for _ in range(3)]
locking = a.LockingQueue("/kz/locking")
locking.put_all([b"x", b"y"])
taken = b.LockingQueue("/kz/locking")
out["locking queue"] = []
for _ in range(2):
    out["locking queue"].append(taken.get(timeout=10).decode())
    taken.consume()

counters = [client.Counter("/kz/counter") for client in (a, b)]
for _ in range(10):
    for counter in counters:
        counter += 1
a.sync("/kz/counter")
out["counter"] = a.Counter("/kz/counter").value

seen = []
a.DataWatch("/kz/data", lambda data, stat: seen.append(data))
b.ensure_path("/kz/data")
b.set("/kz/data", b"new")
out["data watch"] = within(lambda: seen[-1:] == [b"new"])
children = []
a.ChildrenWatch("/kz/data", lambda names: children.append(sorted(names)))
b.create("/kz/data/c")
out["children watch"] = within(lambda: children[-1:] == [["c"]])
out["patient watch"] = sorted(PatientChildrenWatch(a, "/kz/data", 0.2).start().get(timeout=20)[0])

cache = TreeCache(a, "/kz/tree")
cache.start()
b.create("/kz/tree/deep/node", b"v", makepath=True)
out["tree cache"] = within(lambda: getattr(cache.get_data("/kz/tree/deep/node"), "data", None) == b"v")
cache.close()

b.ensure_path("/kz/many")
answers = [b.create_async("/kz/many/n-", b"x", sequence=True) for _ in range(3000)]
for answer in answers:
    answer.wait(60)
out["created"] = sum(1 for answer in answers if answer.successful())
a.sync("/kz/many")
out["many"] = len(a.get_children("/kz/many"))
out["slash"] = b.create("/kz/many/", sequence=True)

a.stop()
b.stop()
print(json.dumps(out))
