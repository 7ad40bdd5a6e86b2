import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.api.transaction.CuratorTransactionResult;
import org.apache.curator.framework.recipes.barriers.DistributedDoubleBarrier;
import org.apache.curator.framework.recipes.cache.CuratorCache;
import org.apache.curator.framework.recipes.cache.CuratorCacheListener;
import org.apache.curator.framework.recipes.cache.PathChildrenCache;
import org.apache.curator.framework.recipes.leader.LeaderLatch;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.framework.recipes.locks.InterProcessReadWriteLock;
import org.apache.curator.framework.recipes.locks.InterProcessSemaphoreV2;
import org.apache.curator.framework.recipes.locks.Lease;
import org.apache.curator.framework.recipes.nodes.PersistentTtlNode;
import org.apache.curator.framework.recipes.atomic.DistributedAtomicLong;
import org.apache.curator.framework.recipes.queue.DistributedQueue;
import org.apache.curator.framework.recipes.queue.QueueBuilder;
import org.apache.curator.framework.recipes.queue.QueueConsumer;
import org.apache.curator.framework.recipes.queue.QueueSerializer;
import org.apache.curator.framework.state.ConnectionState;
import org.apache.curator.retry.ExponentialBackoffRetry;
import org.apache.zookeeper.AddWatchMode;
import org.apache.zookeeper.AsyncCallback;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.WatchedEvent;
import org.apache.zookeeper.Watcher;
import org.apache.zookeeper.ZooDefs;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.data.Stat;

/** Apache Curator's recipes and the ZooKeeper client below them against an endpoint. Prints a line for each check that holds. */
public class Recipes {
    private static final long WAIT_MS = 30_000;

    interface Check {
        void run(CuratorFramework a, CuratorFramework b) throws Exception;
    }

    public static void main(String[] args) throws Exception {
        List<String> endpoints = Arrays.asList(args[0].split(","));
        CuratorFramework a = client(endpoints.get(0));
        CuratorFramework b = client(endpoints.get(endpoints.size() - 1));
        check("mutex", a, b, Recipes::mutex);
        check("read-write lock", a, b, Recipes::readWriteLock);
        check("semaphore", a, b, Recipes::semaphore);
        check("leader latch", a, b, Recipes::leaderLatch);
        check("distributed queue", a, b, Recipes::queue);
        check("path children cache", a, b, Recipes::pathChildrenCache);
        check("curator cache", a, b, Recipes::curatorCache);
        check("double barrier", a, b, Recipes::barrier);
        check("atomic long", a, b, Recipes::atomicLong);
        check("ttl nodes", a, b, Recipes::ttlNodes);
        check("container nodes", a, b, Recipes::containers);
        check("multi", a, b, Recipes::multi);
        check("watches", a, b, Recipes::watches);
        check("queries", a, b, Recipes::queries);
        check("config", a, b, Recipes::config);
        check("pipelining", a, b, Recipes::pipelining);
        a.close();
        b.close();
    }

    private static CuratorFramework client(String endpoint) throws Exception {
        CuratorFramework client = CuratorFrameworkFactory.builder().connectString(endpoint).sessionTimeoutMs(15_000)
            .connectionTimeoutMs(10_000).retryPolicy(new ExponentialBackoffRetry(100, 5)).build();
        client.start();
        require(client.blockUntilConnected(20, TimeUnit.SECONDS), "no connection to " + endpoint);
        return client;
    }

    private static void check(String name, CuratorFramework a, CuratorFramework b, Check check) {
        try {
            check.run(a, b);
            System.out.println("holds: " + name);
        } catch (Throwable failure) {
            System.out.println("FAILED: " + name + ": " + failure);
            failure.printStackTrace(System.out);
        }
    }

    private static void require(boolean holds, String what) {
        if (!holds) throw new AssertionError(what);
    }

    private static void equal(Object expected, Object actual) {
        if (!expected.equals(actual)) throw new AssertionError("expected " + expected + ", got " + actual);
    }

    private static void eventually(String what, java.util.concurrent.Callable<Boolean> holds) throws Exception {
        long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(WAIT_MS);
        while (!holds.call()) {
            if (System.nanoTime() > end) throw new AssertionError("not within " + WAIT_MS + " ms: " + what);
            Thread.sleep(20);
        }
    }

    /** A server may be behind the writes that another one has acknowledged; what follows a sync on the same session is not. */
    private static void catchUp(CuratorFramework client) throws Exception {
        client.sync().forPath("/recipes");
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static void mutex(CuratorFramework a, CuratorFramework b) throws Exception {
        AtomicInteger inside = new AtomicInteger();
        AtomicInteger entered = new AtomicInteger();
        List<Throwable> failures = new ArrayList<>();
        List<Thread> threads = new ArrayList<>();
        for (CuratorFramework client : List.of(a, b, a, b)) {
            Thread thread = new Thread(() -> {
                try {
                    InterProcessMutex mutex = new InterProcessMutex(client, "/recipes/mutex");
                    for (int turn = 0; turn < 5; turn++) {
                        mutex.acquire();
                        mutex.acquire();
                        require(inside.incrementAndGet() == 1, "two holders");
                        entered.incrementAndGet();
                        inside.decrementAndGet();
                        mutex.release();
                        mutex.release();
                    }
                } catch (Throwable failure) {
                    synchronized (failures) {
                        failures.add(failure);
                    }
                }
            });
            thread.start();
            threads.add(thread);
        }
        for (Thread thread : threads) thread.join(WAIT_MS);
        equal(List.of(), failures);
        equal(20, entered.get());
        InterProcessMutex held = new InterProcessMutex(a, "/recipes/mutex");
        held.acquire();
        require(!new InterProcessMutex(b, "/recipes/mutex").acquire(300, TimeUnit.MILLISECONDS), "a held mutex was acquired");
        held.release();
    }

    private static void readWriteLock(CuratorFramework a, CuratorFramework b) throws Exception {
        InterProcessReadWriteLock first = new InterProcessReadWriteLock(a, "/recipes/rw");
        InterProcessReadWriteLock second = new InterProcessReadWriteLock(b, "/recipes/rw");
        first.readLock().acquire();
        require(second.readLock().acquire(10, TimeUnit.SECONDS), "readers exclude each other");
        second.readLock().release();
        require(!second.writeLock().acquire(300, TimeUnit.MILLISECONDS), "a writer entered beside a reader");
        first.readLock().release();
        require(second.writeLock().acquire(10, TimeUnit.SECONDS), "the writer waits for no reader");
        second.writeLock().release();
    }

    private static void semaphore(CuratorFramework a, CuratorFramework b) throws Exception {
        InterProcessSemaphoreV2 first = new InterProcessSemaphoreV2(a, "/recipes/semaphore", 2);
        InterProcessSemaphoreV2 second = new InterProcessSemaphoreV2(b, "/recipes/semaphore", 2);
        Lease one = first.acquire(10, TimeUnit.SECONDS);
        Lease two = second.acquire(10, TimeUnit.SECONDS);
        require(one != null && two != null, "two leases of two");
        require(second.acquire(300, TimeUnit.MILLISECONDS) == null, "three leases of two");
        first.returnLease(one);
        Lease three = second.acquire(10, TimeUnit.SECONDS);
        require(three != null, "a returned lease");
        second.returnLease(two);
        second.returnLease(three);
    }

    private static void leaderLatch(CuratorFramework a, CuratorFramework b) throws Exception {
        LeaderLatch first = new LeaderLatch(a, "/recipes/latch", "first");
        LeaderLatch second = new LeaderLatch(b, "/recipes/latch", "second");
        first.start();
        require(first.await(WAIT_MS, TimeUnit.MILLISECONDS), "no leader");
        second.start();
        eventually("two participants", () -> first.getParticipants().size() == 2);
        require(!second.hasLeadership(), "two leaders");
        catchUp(b);
        equal("first", second.getLeader().getId());
        first.close();
        require(second.await(WAIT_MS, TimeUnit.MILLISECONDS), "no new leader");
        second.close();
    }

    private static void queue(CuratorFramework a, CuratorFramework b) throws Exception {
        QueueSerializer<String> serializer = new QueueSerializer<>() {
            public byte[] serialize(String item) {
                return bytes(item);
            }

            public String deserialize(byte[] data) {
                return new String(data, StandardCharsets.UTF_8);
            }
        };
        BlockingQueue<String> taken = new LinkedBlockingQueue<>();
        QueueConsumer<String> consumer = new QueueConsumer<>() {
            public void consumeMessage(String message) {
                taken.add(message);
            }

            public void stateChanged(CuratorFramework client, ConnectionState state) {
            }
        };
        DistributedQueue<String> out = QueueBuilder.builder(b, consumer, serializer, "/recipes/queue").lockPath("/recipes/queue-locks").buildQueue();
        DistributedQueue<String> in = QueueBuilder.builder(a, null, serializer, "/recipes/queue").buildQueue();
        in.start();
        out.start();
        for (int item = 0; item < 50; item++) in.put("item-" + item);
        List<String> got = new ArrayList<>();
        for (int item = 0; item < 50; item++) {
            String next = taken.poll(WAIT_MS, TimeUnit.MILLISECONDS);
            require(next != null, "only " + item + " of 50 items");
            got.add(next);
        }
        equal(50L, got.stream().distinct().count());
        in.close();
        out.close();
    }

    private static void pathChildrenCache(CuratorFramework a, CuratorFramework b) throws Exception {
        PathChildrenCache cache = new PathChildrenCache(a, "/recipes/children", true);
        cache.start(PathChildrenCache.StartMode.BUILD_INITIAL_CACHE);
        for (int child = 0; child < 20; child++) b.create().creatingParentsIfNeeded().forPath("/recipes/children/c" + child, bytes("v" + child));
        eventually("20 children", () -> cache.getCurrentData().size() == 20);
        b.setData().forPath("/recipes/children/c3", bytes("changed"));
        b.delete().forPath("/recipes/children/c4");
        eventually("a change and a deletion", () -> cache.getCurrentData().size() == 19
            && Arrays.equals(bytes("changed"), cache.getCurrentData("/recipes/children/c3").getData()));
        cache.close();
    }

    private static void curatorCache(CuratorFramework a, CuratorFramework b) throws Exception {
        CuratorCache cache = CuratorCache.build(a, "/recipes/cache");
        AtomicInteger created = new AtomicInteger();
        cache.listenable().addListener(CuratorCacheListener.builder().forCreates(data -> created.incrementAndGet()).build());
        CountDownLatch ready = new CountDownLatch(1);
        cache.listenable().addListener(CuratorCacheListener.builder().forInitialized(ready::countDown).build());
        cache.start();
        require(ready.await(WAIT_MS, TimeUnit.MILLISECONDS), "not initialized");
        b.create().creatingParentsIfNeeded().forPath("/recipes/cache/deep/er/node", bytes("x"));
        eventually("4 nodes", () -> created.get() == 4);
        b.setData().forPath("/recipes/cache/deep/er/node", bytes("y"));
        eventually("the change", () -> Arrays.equals(bytes("y"), cache.get("/recipes/cache/deep/er/node").get().getData()));
        b.delete().deletingChildrenIfNeeded().forPath("/recipes/cache/deep");
        eventually("the deletion", () -> cache.size() == 1);
        cache.close();
    }

    private static void barrier(CuratorFramework a, CuratorFramework b) throws Exception {
        DistributedDoubleBarrier first = new DistributedDoubleBarrier(a, "/recipes/barrier", 2);
        DistributedDoubleBarrier second = new DistributedDoubleBarrier(b, "/recipes/barrier", 2);
        Thread other = new Thread(() -> {
            try {
                second.enter();
                second.leave();
            } catch (Exception failure) {
                throw new IllegalStateException(failure);
            }
        });
        other.start();
        require(first.enter(WAIT_MS, TimeUnit.MILLISECONDS), "never entered");
        require(first.leave(WAIT_MS, TimeUnit.MILLISECONDS), "never left");
        other.join(WAIT_MS);
        require(!other.isAlive(), "the other never left");
    }

    private static void atomicLong(CuratorFramework a, CuratorFramework b) throws Exception {
        DistributedAtomicLong first = new DistributedAtomicLong(a, "/recipes/counter", new ExponentialBackoffRetry(10, 10));
        DistributedAtomicLong second = new DistributedAtomicLong(b, "/recipes/counter", new ExponentialBackoffRetry(10, 10));
        for (int turn = 0; turn < 10; turn++) require(first.increment().succeeded() && second.increment().succeeded(), "an increment");
        catchUp(a);
        equal(20L, first.get().postValue());
    }

    private static void ttlNodes(CuratorFramework a, CuratorFramework b) throws Exception {
        Stat stat = new Stat();
        String path = a.create().withTtl(60_000).storingStatIn(stat).creatingParentsIfNeeded().withMode(CreateMode.PERSISTENT_WITH_TTL)
            .forPath("/recipes/ttl/node", bytes("t"));
        equal("/recipes/ttl/node", path);
        equal(0L, stat.getEphemeralOwner());
        require(a.create().withTtl(60_000).withMode(CreateMode.PERSISTENT_SEQUENTIAL_WITH_TTL).forPath("/recipes/ttl/s-").matches("/recipes/ttl/s-\\d{10}"), "a name");
        PersistentTtlNode node = new PersistentTtlNode(b, "/recipes/ttl/kept", 60_000, bytes("k"));
        node.start();
        require(node.waitForInitialCreate(WAIT_MS, TimeUnit.MILLISECONDS), "no node");
        node.close();
    }

    private static void containers(CuratorFramework a, CuratorFramework b) throws Exception {
        a.create().creatingParentContainersIfNeeded().forPath("/recipes/box/in/it", bytes("x"));
        catchUp(b);
        equal(1, b.getChildren().forPath("/recipes/box").size());
        equal("/recipes/container", a.create().withMode(CreateMode.CONTAINER).forPath("/recipes/container"));
        a.delete().forPath("/recipes/container");
    }

    private static void multi(CuratorFramework a, CuratorFramework b) throws Exception {
        List<CuratorTransactionResult> results = a.transaction().forOperations(
            a.transactionOp().create().withMode(CreateMode.CONTAINER).forPath("/recipes/m-box"),
            a.transactionOp().create().withTtl(60_000).withMode(CreateMode.PERSISTENT_WITH_TTL).forPath("/recipes/m-ttl", bytes("t")),
            a.transactionOp().create().forPath("/recipes/m-plain", bytes("p")),
            a.transactionOp().setData().forPath("/recipes/m-plain", bytes("q")),
            a.transactionOp().check().withVersion(1).forPath("/recipes/m-plain"),
            a.transactionOp().delete().forPath("/recipes/m-plain"));
        equal("/recipes/m-plain", results.get(2).getResultPath());
        catchUp(b);
        require(b.checkExists().forPath("/recipes/m-box") != null && b.checkExists().forPath("/recipes/m-ttl") != null, "the nodes of a multi");
        try {
            a.transaction().forOperations(a.transactionOp().create().forPath("/recipes/m-2"), a.transactionOp().check().forPath("/recipes/none"));
            throw new AssertionError("a multi that had to fail");
        } catch (KeeperException.NoNodeException expected) {
            require(a.checkExists().forPath("/recipes/m-2") == null, "half a multi");
        }
    }

    private static void watches(CuratorFramework a, CuratorFramework b) throws Exception {
        ZooKeeper zk = a.getZookeeperClient().getZooKeeper();
        b.create().creatingParentsIfNeeded().forPath("/recipes/watched/low");
        catchUp(a);
        BlockingQueue<String> events = new LinkedBlockingQueue<>();
        Watcher recursive = event -> record(events, "r", event);
        Watcher persistent = event -> record(events, "p", event);
        zk.addWatch("/recipes/watched", recursive, AddWatchMode.PERSISTENT_RECURSIVE);
        zk.addWatch("/recipes/watched", persistent, AddWatchMode.PERSISTENT);
        b.setData().forPath("/recipes/watched/low", bytes("1"));
        equal("r NodeDataChanged /recipes/watched/low", events.poll(WAIT_MS, TimeUnit.MILLISECONDS));
        b.setData().forPath("/recipes/watched", bytes("1"));
        List<String> both = new ArrayList<>(List.of(events.poll(WAIT_MS, TimeUnit.MILLISECONDS), events.poll(WAIT_MS, TimeUnit.MILLISECONDS)));
        both.sort(null);
        equal(List.of("p NodeDataChanged /recipes/watched", "r NodeDataChanged /recipes/watched"), both);
        zk.removeWatches("/recipes/watched", recursive, Watcher.WatcherType.Any, false);
        zk.removeWatches("/recipes/watched", persistent, Watcher.WatcherType.Any, false);
        eventually("two removals", () -> events.stream().filter(event -> event.contains("Removed")).count() == 2);
        try {
            zk.removeWatches("/recipes/watched", persistent, Watcher.WatcherType.Any, false);
            throw new AssertionError("a watch was removed twice");
        } catch (KeeperException.NoWatcherException expected) {
            require(expected.getPath().equals("/recipes/watched"), "the path of the failure");
        }
    }

    private static void record(BlockingQueue<String> events, String name, WatchedEvent event) {
        events.add(name + " " + event.getType() + " " + event.getPath());
    }

    private static void queries(CuratorFramework a, CuratorFramework b) throws Exception {
        ZooKeeper zk = a.getZookeeperClient().getZooKeeper();
        a.create().creatingParentsIfNeeded().withMode(CreateMode.EPHEMERAL).forPath("/recipes/asked/one");
        a.create().withMode(CreateMode.EPHEMERAL).forPath("/recipes/asked/two");
        List<String> ephemerals = zk.getEphemerals("/recipes/asked");
        ephemerals.sort(null);
        equal(List.of("/recipes/asked/one", "/recipes/asked/two"), ephemerals);
        equal(2, zk.getAllChildrenNumber("/recipes/asked"));
        equal("ip", zk.whoAmI().get(0).getAuthScheme());
        a.sync().forPath("/recipes");
        zk.create("/recipes/asked-", bytes(""), ZooDefs.Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_SEQUENTIAL, new Stat());
    }

    private static void config(CuratorFramework a, CuratorFramework b) throws Exception {
        require(a.getConfig().forEnsemble() != null, "the configuration of the ensemble is null");
        try {
            a.reconfig().leaving("1").forEnsemble();
            throw new AssertionError("reconfig changed the ensemble");
        } catch (KeeperException.ReconfigDisabledException expected) {
            equal(KeeperException.Code.RECONFIGDISABLED, expected.code());
        }
    }

    /** Three thousand creates that no answer is awaited for, on one session. */
    private static void pipelining(CuratorFramework a, CuratorFramework b) throws Exception {
        int count = 3_000;
        ZooKeeper zk = a.getZookeeperClient().getZooKeeper();
        a.create().forPath("/recipes/many");
        CountDownLatch answered = new CountDownLatch(count);
        List<Integer> order = new ArrayList<>();
        AtomicInteger refused = new AtomicInteger();
        AsyncCallback.StringCallback callback = (code, path, context, name) -> {
            if (code != KeeperException.Code.OK.intValue()) refused.incrementAndGet();
            synchronized (order) {
                order.add((Integer) context);
            }
            answered.countDown();
        };
        for (int index = 0; index < count; index++) {
            zk.create("/recipes/many/n-", bytes("x"), ZooDefs.Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_SEQUENTIAL, callback, index);
        }
        require(answered.await(2 * WAIT_MS, TimeUnit.MILLISECONDS), "only " + (count - answered.getCount()) + " answers");
        equal(0, refused.get());
        for (int index = 0; index < count; index++) equal(index, order.get(index));
        catchUp(b);
        equal(count, b.getChildren().forPath("/recipes/many").size());
    }
}
