import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { BrokerLink } from '../../electron/admin/broker-link.ts';
import { UnreachableError } from '../../electron/admin/errors.ts';
import { describeCluster } from '../../electron/cluster/protocol/apis/describe-cluster.ts';
import { listGroups } from '../../electron/cluster/protocol/apis/list-groups.ts';
import { SmallBroker, type Manner } from './small-broker.ts';

let broker: SmallBroker;
let link: BrokerLink;
let port: number;

beforeEach(async () => {
  broker = new SmallBroker();
  port = await broker.listen();
  link = new BrokerLink({ host: '127.0.0.1', port, clientId: 'test' });
});
afterEach(async () => {
  link.close();
  await broker.close();
});

const ask = (timeoutMs = 2_000) => link.send(describeCluster, { includeClusterAuthorizedOperations: false }, { timeoutMs });

/** How it failed and after how long. */
async function failure(promise: Promise<unknown>): Promise<{ error: unknown; ms: number }> {
  const start = performance.now();
  const error: unknown = await promise.then(
    () => {
      throw new Error('it did not fail');
    },
    (reason: unknown) => reason,
  );
  return { error, ms: performance.now() - start };
}

/** Far below the half minute of kafkajs and the five seconds that some are given here, and far above what an idle machine takes. */
const IN_TIME_MS = 4_000;

describe('BrokerLink', () => {
  test('asks a flexible version over a connection of kafkajs', async () => {
    expect(await ask()).toMatchObject({ clusterId: 'small', controllerId: 1 });
  });

  test('many requests at once share one connection and each gets its own answer', async () => {
    const answers = await Promise.all(Array.from({ length: 50 }, () => ask()));
    expect(answers).toHaveLength(50);
    expect(broker.connections).toBe(1);
  });

  test('a request during the connection attempt of another waits for the versions of the APIs', async () => {
    const release = broker.holdVersions();
    const first = ask();
    await expect.poll(() => broker.versionRequests).toBe(1);
    const second = ask();
    // A refusal comes at once: before any answer of the broker.
    const early = await Promise.race([second.then(String, String), new Promise((resolve) => setTimeout(resolve, 50, 'waits'))]);
    expect(early).toBe('waits');
    release();
    expect(await Promise.all([first, second])).toMatchObject([{ clusterId: 'small' }, { clusterId: 'small' }]);
    expect(broker.connections).toBe(1);
  });

  test('a broker that accepts and reports no versions is unreachable, not of an unsupported version', async () => {
    const release = broker.holdVersions();
    const [first, second] = await Promise.all([failure(ask(200)), failure(ask(600))]);
    expect(first.error).toBeInstanceOf(UnreachableError);
    expect(second.error).toBeInstanceOf(UnreachableError);
    release();
    expect(await ask()).toMatchObject({ clusterId: 'small' });
  });

  test('the time in which this thread was busy while it connected is not held against the answer', async () => {
    const release = broker.holdVersions();
    const answer = ask(1_000);
    await expect.poll(() => broker.versionRequests).toBe(1);
    const until = performance.now() + 1_500;
    while (performance.now() < until);
    release();
    expect(await answer).toMatchObject({ clusterId: 'small' });
    expect(broker.connections).toBe(1);
  });

  test('the limit of a request is named whole, whichever step was over it', async () => {
    broker.manner = 'silent';
    const release = broker.holdVersions();
    const answer = failure(ask(1_000));
    await expect.poll(() => broker.versionRequests).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 200));
    release();
    expect((await answer).error).toMatchObject({ message: expect.stringContaining('no answer in 1.0 s') as unknown });
  });

  test('an API that the broker does not advertise is refused here, the link stays', async () => {
    const { error } = await failure(link.send(listGroups, { statesFilter: [], typesFilter: [] }, { timeoutMs: 1_000 }));
    expect(error).toMatchObject({ app: { code: 'UNSUPPORTED_VERSION' } });
    expect(await ask()).toMatchObject({ clusterId: 'small' });
    expect(broker.connections).toBe(1);
  });

  test.each<[Manner, RegExp]>([
    ['silent', /no answer in 0\.3 s/],
    ['resets', /reset|closed/i],
    ['closes', /closed/i],
  ])('a broker that is %s is unreachable in time, and the link recovers', async (manner, reason) => {
    await ask();
    broker.manner = manner;
    const { error, ms } = await failure(ask(300));
    expect(error).toBeInstanceOf(UnreachableError);
    expect((error as Error).message).toMatch(reason);
    expect(ms).toBeLessThan(IN_TIME_MS);
    broker.manner = 'answers';
    expect(await ask()).toMatchObject({ clusterId: 'small' });
  });

  test('an answer that cannot be read rejects in time, and the link recovers', async () => {
    broker.manner = 'garbage';
    const { ms } = await failure(ask(500));
    expect(ms).toBeLessThan(IN_TIME_MS);
    broker.manner = 'answers';
    expect(await ask()).toMatchObject({ clusterId: 'small' });
  });

  test('frozen before it ever answered: in time too', async () => {
    broker.frozen = true;
    const { error, ms } = await failure(ask(300));
    expect(error).toBeInstanceOf(UnreachableError);
    expect(ms).toBeLessThan(IN_TIME_MS);
    broker.frozen = false;
    expect(await ask()).toMatchObject({ clusterId: 'small' });
  });

  test('silence fails all that wait, each by its own time, and opens one new connection', async () => {
    await ask();
    broker.manner = 'silent';
    const failures = await Promise.all([failure(ask(200)), failure(ask(5_000)), failure(ask(5_000))]);
    for (const { error, ms } of failures) {
      expect(error).toBeInstanceOf(UnreachableError);
      expect(ms).toBeLessThan(IN_TIME_MS);
    }
    broker.manner = 'answers';
    await Promise.all([ask(), ask()]);
    expect(broker.connections).toBe(2);
  });

  test('refused: said at once; reached again when the broker is back on its port', async () => {
    await ask();
    await broker.close();
    await failure(ask(1_000));
    const { error, ms } = await failure(ask(1_000));
    expect((error as Error).message).toContain('connection refused');
    expect(ms).toBeLessThan(IN_TIME_MS);
    broker = new SmallBroker();
    await broker.listen(port);
    expect(await ask()).toMatchObject({ clusterId: 'small' });
  });

  test('closed here, what waits fails and nothing can be asked any more', async () => {
    await ask();
    broker.manner = 'silent';
    const waiting = failure(ask(5_000));
    await new Promise((resolve) => setTimeout(resolve, 50));
    link.close();
    expect((await waiting).ms).toBeLessThan(IN_TIME_MS);
    expect((await failure(ask())).error).toBeInstanceOf(UnreachableError);
  });
});
