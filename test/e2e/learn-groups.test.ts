/**
 * Learn: Cluster, Consumer, Consumer Groups and ZooKeeper. Whatever these pages offer to try is really done: seen on the cluster by
 * kafkajs, by requests of our own over bare sockets, and by node-zookeeper-client, none of which know anything of the page.
 */
import { AssignerProtocol, type Admin, type Kafka } from 'kafkajs';
import type { Locator } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { setUpKafkajs } from '../../electron/admin/kafkajs-setup.ts';
import { CONCEPTS } from '../../renderer/learn/concepts.ts';
import { LEARN_GROUP, LEARN_TOPIC } from '../../renderer/learn/concept.ts';
import { CONSUMER_GROUP, SECOND_GROUP } from '../../renderer/learn/readers.ts';
import { hasBrowser } from '../helpers/browser.ts';
import { coordinatorOf } from '../helpers/coordinator.ts';
import { observe } from '../helpers/observer.ts';
import { describeWith } from '../helpers/tools.ts';
import { ZooKeeperObserver } from '../helpers/zookeeper-observer.ts';
import { Desk, FAILOVER_MS, SOON_MS } from './desk.ts';
import { kafkaOf, readAll, standing } from './shop.ts';

const ALL = [1, 2, 3];
const soon = { timeout: FAILOVER_MS, interval: 200 };

describeWith('a browser', hasBrowser, 'learn: brokers, groups and sessions', () => {
  let desk: Desk;
  let kafka: Kafka;
  let admin: Admin;

  const open = async (id: string): Promise<void> => {
    await desk.go(`/learn/${id}`);
    await desk.title(CONCEPTS.find((concept) => concept.id === id)?.title ?? id).waitFor();
  };
  const section = (name: string): Locator => desk.page.getByRole('region', { name, exact: true });
  const button = (name: string | RegExp): Locator => desk.page.locator('main').getByRole('button', { name, exact: true });
  const press = (name: string | RegExp): Promise<void> => button(name).click({ timeout: FAILOVER_MS });
  const done = (text: RegExp): Promise<void> => section('Check yourself').getByText(text).waitFor({ timeout: FAILOVER_MS });
  const ends = async (): Promise<bigint[]> =>
    (await admin.fetchTopicOffsets(LEARN_TOPIC)).sort((a, b) => a.partition - b.partition).map(({ high }) => BigInt(high));
  const committed = async (groupId: string): Promise<bigint[]> => {
    const [found] = await admin.fetchOffsets({ groupId, topics: [LEARN_TOPIC] });
    // −1: never committed, which is where a log begins.
    return (found?.partitions ?? []).sort((a, b) => a.partition - b.partition).map(({ offset }) => BigInt(offset === '-1' ? '0' : offset));
  };
  /** Asked again and again of both: the page may still be sending. */
  const caughtUp = async (groupId: string): Promise<void> => {
    const howFar = async (): Promise<string> => {
      const [read, end] = [(await committed(groupId)).join(' '), (await ends()).join(' ')];
      return read === end ? 'caught up' : `committed ${read}, ends ${end}`;
    };
    await expect.poll(howFar, { timeout: 2 * FAILOVER_MS, interval: 300 }).toBe('caught up');
  };
  /** The partitions of each member, as its group's coordinator has handed them out; null while it rebalances. */
  const assignment = async (groupId: string): Promise<number[][] | null> => {
    const [group] = (await admin.describeGroups([groupId])).groups;
    if (group === undefined || (group.state !== 'Stable' && group.state !== 'Empty')) return null;
    return group.members
      .map(({ memberAssignment }) => AssignerProtocol.MemberAssignment.decode(memberAssignment)?.assignment[LEARN_TOPIC] ?? [])
      .map((partitions) => [...partitions].sort())
      .sort((a, b) => a.length - b.length || (a[0] ?? 0) - (b[0] ?? 0));
  };
  const wholeAgain = async (): Promise<void> => {
    for (const partition of [0, 1, 2])
      await expect.poll(async () => (await standing(admin, LEARN_TOPIC, partition)).isr, { timeout: 2 * FAILOVER_MS }).toEqual(ALL);
  };
  const healAll = async (): Promise<void> => {
    expect((await desk.ask('lab/healAll', {})).failed).toEqual([]);
    await wholeAgain();
  };

  beforeAll(async () => {
    setUpKafkajs();
    desk = await Desk.start('learn-groups');
    kafka = kafkaOf(desk.web.brokers);
    admin = kafka.admin();
    await admin.connect();
    await open('cluster');
    await press(`Create topic ${LEARN_TOPIC}`);
    await desk.page.locator(`[data-replica="${LEARN_TOPIC}-2@3"]`).waitFor({ timeout: SOON_MS });
  });

  afterAll(async () => {
    await desk
      .ask('load/list', {})
      .then(({ loads }) => Promise.all(loads.filter(({ state }) => state === 'running').map(({ id }) => desk.ask('load/stop', { id }))));
    await admin.disconnect();
    await desk.close();
  });

  test('Cluster: continues without one broker, stops without two, and keeps every acknowledged record', async () => {
    await open('cluster');
    await wholeAgain();
    const answers = desk.page.getByRole('list', { name: 'Results' });
    await press('Write to each partition');
    await expect.poll(() => ends(), soon).toEqual([1n, 1n, 1n]);
    await expect.poll(() => answers.innerText(), soon).toMatch(/partition 0\s+offset 0 in \d+ ms/);
    await desk.picture('cluster-healthy');

    const { leader } = await standing(admin, LEARN_TOPIC, 0);
    await press(new RegExp(`^Kill broker ${leader}(, the controller)?$`));
    await expect.poll(async () => (await standing(admin, LEARN_TOPIC, 0)).leader, soon).not.toBe(leader);
    await expect.poll(async () => (await standing(admin, LEARN_TOPIC, 0)).isr, soon).toEqual(ALL.filter((id) => id !== leader));
    const shown = desk.page.locator(`[data-replica="${LEARN_TOPIC}-0@${leader}"]`);
    await expect.poll(() => shown.getAttribute('data-state'), soon).toBe('offline');
    await press('Write to each partition');
    await expect.poll(() => ends(), soon).toEqual([2n, 2n, 2n]);
    await desk.picture('cluster-one-down');

    const next = (await standing(admin, LEARN_TOPIC, 0)).leader;
    await press(new RegExp(`^Kill broker ${next}(, the controller)?$`));
    await desk.page.getByText('no majority').waitFor({ timeout: FAILOVER_MS });
    const left = ALL.filter((id) => id !== leader && id !== next);
    // The remaining broker still returns a dead broker as leader: without a quorum no leader is elected.
    await expect
      .poll(async () => (await observe(desk.web.brokers, LEARN_TOPIC)).map(({ by, ends }) => [by, ends.has(0)]), soon)
      .toEqual(left.map((id) => [id, false]));
    await desk.picture('cluster-two-down');

    await press('Heal all');
    await wholeAgain();
    expect(await ends()).toEqual([2n, 2n, 2n]);
    expect([...(await readAll(kafka, LEARN_TOPIC))].sort()).toEqual(['to partition 0', 'to partition 1', 'to partition 2']);
    await done(/^Done: broker \d failed and returned; all \d records acknowledged before still exist\.$/);
  });

  test('Consumer: reads and commits, is paused and resumed; after a crash it reads uncommitted records again', async () => {
    await open('consumer');
    await press('Start a consumer');
    await expect.poll(() => assignment(CONSUMER_GROUP), soon).toEqual([[0, 1, 2]]);
    await press('Send 30 records');
    await expect.poll(async () => (await ends()).reduce((sum, end) => sum + end, 0n) >= 30n, soon).toBe(true);
    await expect.poll(() => button('Send 30 records').isEnabled(), soon).toBe(true);
    await caughtUp(CONSUMER_GROUP);

    await press('Pause member 1');
    // Paused when the page shows it: until then it may read what is sent next.
    await button('Resume member 1').waitFor({ timeout: SOON_MS });
    const [before, from] = [await committed(CONSUMER_GROUP), await ends()];
    await press('Send 30 records');
    await expect.poll(async () => (await ends()).reduce((sum, end) => sum + end, 0n), soon).toBe(from.reduce((sum, end) => sum + end, 30n));
    expect(await committed(CONSUMER_GROUP)).toEqual(before);
    await desk.page.getByText(/Lag 30\./).waitFor({ timeout: SOON_MS });
    await desk.picture('consumer-paused');
    await press('Resume member 1');
    await caughtUp(CONSUMER_GROUP);

    const ahead = async (): Promise<number> => {
      const { loads } = await desk.ask('load/list', {});
      const positions = loads.find(({ spec }) => spec.name === CONSUMER_GROUP)?.consumed?.positions ?? [];
      const read = positions.reduce((sum, { next }) => sum + BigInt(next), 0n);
      return Number(read - (await committed(CONSUMER_GROUP)).reduce((sum, offset) => sum + offset, 0n));
    };
    /** Between two commits, a second apart. The page may be late, and on a busy machine all records may be read before it is checked. */
    const between = async (): Promise<boolean> => {
      for (let look = 0; look < 40; look++) {
        if ((await ahead()) > 3) return true;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      return false;
    };
    const repeated = async (): Promise<number> => {
      const { loads } = await desk.ask('load/list', {});
      return loads.find(({ spec }) => spec.name === CONSUMER_GROUP)?.consumed?.repeated ?? 0;
    };
    for (let attempt = 1; (await repeated()) === 0; attempt++) {
      expect(attempt).toBeLessThan(15);
      await press('Send 30 records');
      if (!(await between())) continue;
      await button(/^Crash member \d+$/).click();
      await expect.poll(() => button('Send 30 records').isEnabled(), soon).toBe(true);
      await press('Start another consumer');
      await caughtUp(CONSUMER_GROUP);
    }
    await done(/^Done: \d+ records? (was|were) redelivered/);
    await expect.poll(() => assignment(CONSUMER_GROUP), soon).toEqual([[0, 1, 2]]);
    await desk.picture('consumer-again');
    await press('Stop gracefully');
    await expect.poll(() => assignment(CONSUMER_GROUP), soon).toEqual([]);
  });

  test('Consumer Groups: partitions move to who comes and from who goes; the group outlives its coordinator', async () => {
    await open('consumer-groups');
    await press('Start a consumer');
    await expect.poll(() => assignment(LEARN_GROUP), soon).toEqual([[0, 1, 2]]);
    for (const shares of [
      [1, 2],
      [1, 1, 1],
      [0, 1, 1, 1],
    ]) {
      await press('Add a consumer');
      await expect.poll(async () => (await assignment(LEARN_GROUP))?.map(({ length }) => length), soon).toEqual(shares);
    }
    // A script in the page, as text: these tests know no document.
    const drawn = (): Promise<string[]> =>
      desk.page.evaluate(`[...document.querySelectorAll('[data-member]')].map(({ dataset }) => dataset.partitions).sort()`);
    await expect.poll(drawn, soon).toEqual(['', '0', '1', '2']);
    await desk.picture('groups-four');

    await press('Start a second group');
    await expect.poll(() => assignment(SECOND_GROUP), soon).toEqual([[0, 1, 2]]);
    await caughtUp(SECOND_GROUP);

    const reader = desk.page
      .getByRole('list', { name: `Members of ${LEARN_GROUP}` })
      .getByRole('listitem')
      .filter({ hasText: /reads/ })
      .first();
    // The text is shown until the session expires, so the wait for it starts before the crash.
    await Promise.all([
      desk.page.getByText(/crashed without leaving the group/).waitFor({ timeout: FAILOVER_MS }),
      reader.getByRole('button', { name: /^Crash/ }).click(),
    ]);
    await desk.picture('groups-crashed');
    await expect.poll(() => assignment(LEARN_GROUP), soon).toEqual([[0], [1], [2]]);

    const coordinator = await coordinatorOf(desk.web.brokers, LEARN_GROUP);
    expect(coordinator).not.toBeNull();
    const box = desk.page.locator(`[data-group="${LEARN_GROUP}"]`);
    await expect.poll(() => box.getAttribute('data-coordinator'), soon).toBe(`${coordinator}`);
    await press(`Kill broker ${coordinator}, the coordinator`);
    // Null while no broker answers, which is no other coordinator.
    const others = ALL.filter((id) => id !== coordinator);
    await expect.poll(() => coordinatorOf(desk.web.brokers, LEARN_GROUP), { ...soon, timeout: 2 * FAILOVER_MS }).toBeOneOf(others);
    const agrees = async (): Promise<string> => {
      const [shown, returned] = [await box.getAttribute('data-coordinator'), await coordinatorOf(desk.web.brokers, LEARN_GROUP)];
      return shown === `${returned}` ? '' : `shown: ${shown}; returned: ${returned}`;
    };
    await expect.poll(agrees, soon).toBe('');
    const producer = kafka.producer({ allowAutoTopicCreation: false });
    await producer.connect();
    for (const partition of [0, 1, 2]) await producer.send({ topic: LEARN_TOPIC, acks: -1, messages: [{ partition, value: 'after' }] });
    await producer.disconnect();
    await caughtUp(LEARN_GROUP);
    await caughtUp(SECOND_GROUP);
    await press(`Start broker ${coordinator}`);
    await wholeAgain();

    for (const count of [2, 1]) {
      await press('Remove a consumer');
      await expect.poll(async () => (await assignment(LEARN_GROUP))?.length, soon).toBe(count);
    }
    await expect.poll(() => assignment(LEARN_GROUP), soon).toEqual([[0, 1, 2]]);
    await done(/^Done: one of 4 members was idle; now member \d+ owns all 3 partitions\.$/);
    await press('Stop all consumers');
    await press('Stop the second group');
    await expect.poll(() => assignment(LEARN_GROUP), soon).toEqual([]);
  });

  test('Consumer Groups: offsets are reset once the group has no members', async () => {
    await open('consumer-groups');
    const places = async (): Promise<string[]> => {
      const [found] = await admin.fetchOffsets({ groupId: LEARN_GROUP, topics: [LEARN_TOPIC] });
      return (found?.partitions ?? []).sort((a, b) => a.partition - b.partition).map(({ offset }) => offset);
    };
    const where = desk.page.getByLabel(`Reset ${LEARN_GROUP} to`);
    await press('Start a consumer');
    await expect.poll(() => assignment(LEARN_GROUP), soon).toEqual([[0, 1, 2]]);
    await caughtUp(LEARN_GROUP);
    const read = await places();
    await desk.page.getByText(`${LEARN_GROUP} has 1 member.`).waitFor();
    expect(await button('Reset').isDisabled()).toBe(true);
    // Not by the page alone: its coordinator refuses it.
    const [described] = (await admin.describeGroups([LEARN_GROUP])).groups;
    const shown = { state: described?.state ?? '', members: described?.members.length ?? 0 };
    await expect(desk.ask('group/reset', { group: LEARN_GROUP, shown, topic: LEARN_TOPIC, to: { kind: 'earliest' } })).rejects.toThrow(
      `Group ${LEARN_GROUP} has members`,
    );
    expect(await places()).toEqual(read);
    await desk.pictures('groups-reset-refused');

    await press('Stop the members');
    await expect.poll(() => assignment(LEARN_GROUP), soon).toEqual([]);
    await press('Reset');
    await expect.poll(places, soon).toEqual(['0', '0', '0']);
    for (const [partition, from] of read.entries()) await desk.page.getByText(`Partition ${partition}: ${from} → 0`).waitFor();
    const all = (await ends()).reduce((sum, end) => sum + end, 0n);
    await desk.page.getByText(`${LEARN_GROUP}: 0 members, lag ${all}`).first().waitFor();
    await desk.pictures('groups-reset');

    await where.selectOption({ label: 'Specific offset' });
    await desk.page.getByLabel('Offset', { exact: true }).fill('1');
    await press('Reset');
    await expect.poll(places, soon).toEqual(['1', '1', '1']);
    await press('Start a consumer');
    await caughtUp(LEARN_GROUP);
    const consumed = async (): Promise<number | undefined> =>
      (await desk.ask('load/list', {})).loads.findLast(({ spec }) => spec.name === LEARN_GROUP)?.consumed?.consumed;
    // The count arrives by another way than the commit.
    await expect.poll(consumed, soon).toBe(Number(all) - 3);
    await press('Stop all consumers');
    await expect.poll(() => assignment(LEARN_GROUP), soon).toEqual([]);

    const producer = kafka.producer({ allowAutoTopicCreation: false });
    await producer.connect();
    await producer.send({ topic: LEARN_TOPIC, acks: -1, messages: [{ partition: 0, value: 'passed over' }] });
    await producer.disconnect();
    await where.selectOption({ label: 'Latest offset' });
    await press('Reset');
    await expect.poll(() => committed(LEARN_GROUP), soon).toEqual(await ends());
    await desk.page.getByText('Skipped records stay in the topic, not consumed by this group.').waitFor();
  });

  test('ZooKeeper: a session expires while it is silent; watches fire for a stopped controller and a frozen broker', async () => {
    const { zookeeper } = desk.web.line;
    const servers = zookeeper.split(',');
    const observer = new ZooKeeperObserver(zookeeper);
    const watch = async (label: string): Promise<void> => {
      await desk.page.getByRole('combobox', { name: 'Watch target' }).selectOption({ label });
      await press('Watch');
      await button('Watched').waitFor({ timeout: SOON_MS });
    };
    const firedList = desk.page.getByRole('list', { name: 'Fired watches' });
    await open('zookeeper');
    await press('Open a session');
    await press('Create /learn/here');
    await expect.poll(async () => (await observer.get('/learn/here'))?.data, soon).toBe('hello');
    const owner = (await observer.get('/learn/here'))?.owner ?? '';
    const session = desk.page.locator('[data-box="session-own"]');
    await expect.poll(() => session.getAttribute('data-session'), soon).toBe(owner);
    const znode = desk.page.locator('[data-znode="/learn/here"]');
    await expect.poll(() => znode.getAttribute('data-owner'), soon).toBe(owner);
    await watch('/learn/here');
    await desk.picture('zookeeper-session');

    await press('Stop pings');
    await expect.poll(() => observer.get('/learn/here'), soon).toBeNull();
    await expect.poll(() => firedList.innerText(), soon).toMatch(/\/learn\/here\s+deleted/);
    await expect.poll(() => znode.getAttribute('data-there'), soon).toBe('no');
    await done(/^Done: \/learn\/here was deleted with its session/);
    await desk.picture('zookeeper-silent');
    await press('Resume pings');
    await expect.poll(() => session.getAttribute('data-state'), soon).toBe('expired');

    await watch('/controller');
    const controllerAt = async (server: ZooKeeperObserver): Promise<number> =>
      (JSON.parse((await server.get('/controller'))?.data ?? '{}') as { brokerid?: number }).brokerid ?? 0;
    await expect.poll(() => controllerAt(observer), soon).toBeOneOf(ALL);
    const controller = await controllerAt(observer);
    await press(`Kill broker ${controller}, the controller`);
    await expect.poll(() => firedList.innerText(), soon).toMatch(/\/controller\s+(deleted|data changed)/);
    const elsewhere = new ZooKeeperObserver(servers.toSpliced(controller - 1, 1).join(','));
    await expect.poll(() => controllerAt(elsewhere), soon).toBeOneOf(ALL.filter((id) => id !== controller));
    await expect.poll(() => elsewhere.children('/brokers/ids'), soon).not.toContain(`${controller}`);
    // Both are read each time: a follower applies an election later, and there may be another one.
    const differs = async (): Promise<string> => {
      const shown = await desk.page.locator('[data-box="quorum"]').getAttribute('data-leader');
      const returned = await controllerAt(elsewhere);
      return shown === `${returned}` ? '' : `shown: ${shown}; returned: ${returned}`;
    };
    await expect.poll(differs, soon).toBe('');
    await elsewhere.close();
    await observer.close();
    await healAll();

    await watch('children of /brokers/ids');
    await press(/^Freeze broker \d$/);
    // Which one the button names goes by who is controller, and may change until it is pressed.
    const nodeFrozen = async (): Promise<number | undefined> =>
      (await desk.ask('lab/faults', {})).faults.flatMap(({ fault }) => (fault.type === 'freeze' ? [fault.node] : []))[0];
    await expect.poll(nodeFrozen, soon).toBeDefined();
    const frozen = (await nodeFrozen()) ?? 0;
    const third = new ZooKeeperObserver(servers.toSpliced(frozen - 1, 1).join(','));
    await expect.poll(() => third.children('/brokers/ids'), soon).toEqual(ALL.filter((id) => id !== frozen).map(String));
    // What its sessions went through stands beside what is missing.
    const missingEvents = async (): Promise<string[]> => {
      const { fired, steps, watches, watcher } = await desk.ask('zookeeper/clients', {});
      return [
        ...fired.map(({ path, event }) => `${path} ${event}`),
        ...steps.map(({ role, what, detail }) => `${role} ${what}: ${detail}`),
        ...watches.map(({ path }) => `still watched: ${path}`),
        `the watcher is ${watcher?.state ?? 'missing'}`,
      ];
    };
    await expect.poll(missingEvents, soon).toContain('/brokers/ids childrenChanged');
    await expect.poll(() => firedList.innerText(), soon).toMatch(/\/brokers\/ids\s+children changed/);
    await expect.poll(() => desk.page.locator(`[data-znode="/brokers/ids/${frozen}"]`).getAttribute('data-there'), soon).toBe('no');
    await desk.picture('zookeeper-frozen');
    await press(`Thaw broker ${frozen}`);
    await expect.poll(() => third.children('/brokers/ids'), soon).toEqual(ALL.map(String));
    await third.close();
    await wholeAgain();
  });

  test('Cluster: another broker joins, and holds nothing yet', async () => {
    await open('cluster');
    await press('Add a broker');
    await expect.poll(async () => (await admin.describeCluster()).brokers.map(({ nodeId }) => nodeId).sort(), soon).toEqual([1, 2, 3, 4]);
    await desk.page.locator('[data-broker="4"]').waitFor({ timeout: SOON_MS });
    await expect(desk.page.locator(`[data-replica$="@4"]`).count()).resolves.toBe(0);
    expect(desk.complaints).toEqual([]);
  });
});
