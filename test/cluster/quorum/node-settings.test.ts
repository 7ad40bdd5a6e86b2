import { expect, it } from 'vitest';
import { ErrorCode } from '../../../electron/cluster/protocol/error-codes.ts';
import { nodeSettings } from '../../../electron/cluster/quorum/node-settings.ts';

const voters = [1, 2].map((id) => ({ id, host: 'localhost', port: 9192 + id }));

it('derives the settings of Raft and the controller from the configuration', () => {
  const { broker, raft, controller } = nodeSettings({
    voters,
    properties: {
      'broker.session.timeout.ms': '4001',
      'controller.quorum.fetch.timeout.ms': '600',
      'controller.quorum.election.timeout.ms': '700',
      'controller.quorum.election.backoff.max.ms': '800',
      'leader.imbalance.check.interval.seconds': '7',
    },
  });
  expect(raft).toMatchObject({ fetchTimeoutMs: 600, electionTimeoutMs: 700, backoffCapMs: 800 });
  expect(controller).toMatchObject({ sessionTimeoutMs: 4001, rebalanceMs: 7000 });
  expect(broker).toMatchObject({ brokerSessionTimeoutMs: 4001, brokerSessionHalfMs: 2000, defaultReplicationFactor: 2 });
});

it.each([1, 80, 1000, 60_000])('keeps a held fetch below a fetch timeout of %d ms, and a leader in office above it', (timeoutMs) => {
  const { raft } = nodeSettings({ voters, properties: { 'controller.quorum.fetch.timeout.ms': String(timeoutMs) } });
  expect(raft.fetchMaxWaitMs).toBeLessThan(raft.fetchMaxRoundMs);
  expect(raft.fetchMaxRoundMs).toBeLessThan(raft.fetchTimeoutMs);
  expect(raft.confirmationMs).toBeLessThan(raft.fetchTimeoutMs);
  expect(raft.isolationMs).toBeGreaterThan(raft.fetchTimeoutMs);
  // A voter whose fetch is held at the leader is not quiet.
  expect(raft.quietVoterMs).toBeGreaterThan(raft.fetchMaxWaitMs);
});

it('has no preferred leader election where it is disabled, and refuses an unknown setting', () => {
  expect(nodeSettings({ voters, properties: { 'auto.leader.rebalance.enable': 'false' } }).controller.rebalanceMs).toBe(0);
  const invalid = expect.objectContaining({ code: ErrorCode.INVALID_CONFIG }) as Error;
  expect(() => nodeSettings({ voters, properties: { 'no.such.setting': '1' } })).toThrow(invalid);
});
