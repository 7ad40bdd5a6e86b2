import { describe, expect, it } from 'vitest';
import { describeDurability, describeReplicationFactor } from '../../../renderer/topics/durability.ts';

const say = (replicationFactor: number, minInsyncReplicas: number, alive = replicationFactor): string =>
  describeDurability({ replicationFactor, minInsyncReplicas, alive });

describe('what a topic survives', () => {
  it('describes the usual case in one sentence', () => {
    expect(say(3, 2)).toBe('Tolerates 1 broker failure with writes, 2 with reads only.');
  });

  it('does not promise that a write on one replica survives', () => {
    expect(say(3, 1)).toContain('can be lost');
    expect(say(2, 1)).toContain('can be lost');
  });

  it('says when any loss stops writes', () => {
    expect(say(3, 3)).toContain('Any broker failure stops acks=all writes');
    expect(say(2, 2)).toContain('reads tolerate 1 broker failure');
  });

  it('says when no write could ever be taken', () => {
    expect(say(1, 2)).toBe('Every acks=all write would be refused: 2 replicas must be in sync, there is 1.');
  });

  it('counts what is left now', () => {
    expect(say(3, 2, 2)).toContain('one more failure stops writes');
    expect(say(3, 2, 1)).toContain('refuses acks=all writes until one returns');
    expect(say(5, 2, 4)).toContain('it tolerates 2 more failures');
    expect(say(1, 1)).toContain('Single replica');
  });

  it('describes the consequences of the factor', () => {
    expect(describeReplicationFactor(3, 3, 2)).toBe('3 brokers, 2 online: starts under-replicated.');
    expect(describeReplicationFactor(4, 3, 3)).toBe('Only 3 brokers: 3 is the most.');
    expect(describeReplicationFactor(1, 3, 3)).toBe('3 brokers. Single replica, no fault tolerance.');
  });
});
