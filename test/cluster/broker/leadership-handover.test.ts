import { describe, expect, it } from 'vitest';
import { describeWait, findHandover } from '../../../electron/cluster/broker/leadership-handover.ts';
import { FollowerState } from '../../../electron/cluster/broker/partition-follower.ts';
import { testImage } from '../../helpers/metadata-image.ts';
import { append, createHarness, contents, DIRECTORY } from '../log/helpers.ts';

/** A log of closed segments of two records each, with the one that starts at offset 4 missing. */
function logWithHole(highWatermark: bigint) {
  const harness = createHarness({ segmentBytes: 170, indexIntervalBytes: 1 });
  for (let i = 0; i < 12; i++) append(harness.log, `value ${i}`);
  harness.log.close();
  harness.disk.remove(`${DIRECTORY}/00000000000000000004.log`);
  const log = harness.reopen({ highWatermark });
  expect(log.corruptSegments).toEqual([{ baseOffset: 4n, endOffset: 6n }]);
  return log;
}

const LEADER = 1;
const image = testImage([1, 2, 3]);

/** Broker 1 leads; `ends`: where followers fetched last, under the epoch of the image unless another is named. */
function decide(
  { isr = [1, 2, 3], elr = [] }: { isr?: number[]; elr?: number[] },
  ends: Readonly<Record<number, bigint | { end: bigint; epoch: bigint }>>,
  from = image,
) {
  const follower = (id: number): FollowerState | undefined => {
    const known = ends[id];
    const state = new FollowerState(id, 0);
    if (known === undefined) return state;
    const { end, epoch } = typeof known === 'bigint' ? { end: known, epoch: BigInt(id * 10) } : known;
    state.fetched(end, 0n, 12n, epoch, 1);
    return state;
  };
  return findHandover({ isr, elr, replicas: [1, 2, 3], follower, log: logWithHole(4n) }, LEADER, from);
}

describe('findHandover', () => {
  it('hands over to a member of the ISR whose log ends in the hole', () => {
    expect(decide({}, { 2: 4n, 3: 2n })).toEqual({ kind: 'handOver', successor: 2 });
    expect(decide({}, { 2: 2n, 3: 5n })).toEqual({ kind: 'handOver', successor: 3 });
  });

  it('hands over to an eligible replica where the ISR is the leader alone', () => {
    expect(decide({ isr: [1], elr: [3] }, { 2: 4n, 3: 4n })).toEqual({ kind: 'handOver', successor: 3 });
  });

  it('prefers the member with the longest log, so that its records are not lost', () => {
    expect(decide({}, { 2: 4n, 3: 12n })).toEqual({ kind: 'handOver', successor: 3 });
    expect(decide({ isr: [1, 2] }, { 2: 4n, 3: 12n })).toEqual({ kind: 'handOver', successor: 2 });
  });

  it('does nothing where the followers in the hole are neither in sync nor eligible, even when every replica is live and lacks the records', () => {
    expect(decide({ isr: [1] }, { 2: 4n, 3: 4n })).toEqual({ kind: 'wait', blocked: [2, 3] });
    // The eligible replica is not blocked: it is about to join the ISR, after which the repair can have the records.
    expect(decide({ isr: [1], elr: [3] }, { 2: 4n, 3: 12n })).toEqual({ kind: 'wait', blocked: [2] });
  });

  it('ignores a follower that is down, is shutting down, or fetched last under another broker epoch', () => {
    expect(decide({}, { 2: { end: 4n, epoch: 19n }, 3: 12n })).toEqual({ kind: 'none' });
    // It registered again, maybe without its data, and this broker's metadata is older than that.
    expect(decide({}, { 2: { end: 4n, epoch: 21n } })).toEqual({ kind: 'none' });
    expect(decide({}, { 2: 4n }, testImage([1, 2, 3], {}, { fenced: [2] }))).toEqual({ kind: 'none' });
    expect(decide({}, {})).toEqual({ kind: 'none' });
  });

  it('does nothing while every follower can continue to fetch', () => {
    expect(decide({}, { 2: 12n, 3: 6n })).toEqual({ kind: 'none' });
    expect(decide({}, { 2: 0n, 3: 2n })).toEqual({ kind: 'none' });
  });
});

describe('describeWait', () => {
  const segment = { baseOffset: 4n, endOffset: 6n };
  const describeAt = (highWatermark: bigint, from = image): string =>
    describeWait({ replicas: [1, 2, 3], log: logWithHole(highWatermark) }, { brokerId: LEADER, image: from, blocked: [2], ...segment });

  it('names the replica to start', () => {
    expect(describeAt(4n, testImage([1, 2, 3], {}, { fenced: [3] }))).toBe(
      'broker 1 leads and cannot read offsets 4 to 5, and no live replica has all of them; broker 2 cannot catch up. ' +
        'Start broker 3, which may have them',
    );
  });

  it('names the ways to drop the records when every replica is live', () => {
    expect(describeAt(4n)).toContain('To give them up, stop broker 1 and run an unclean leader election');
    expect(describeAt(6n)).toContain('To give them up, delete the records before offset 6, or stop broker 1 and run an unclean leader');
  });
});

/** A handover and an unclean election rely on it: the former leader is whole again once it is truncated as a follower. */
describe('a log with a hole that is truncated', () => {
  it.each([
    { offset: 2n, end: 2n },
    { offset: 4n, end: 4n },
    // The successor's log ends within the hole: what is missing below is fetched from it again.
    { offset: 5n, end: 4n },
  ])('at offset $offset ends at $end, and needs no repair', ({ offset, end }) => {
    const log = logWithHole(4n);
    expect(log.truncateTo(offset)).toBe(end);
    expect(log.logEndOffset).toBe(end);
    expect(log.corruptSegments).toEqual([]);
    append(log, 'after');
    expect(contents(log).at(-1)).toBe(`${end}:after`);
    expect(contents(log)).toHaveLength(Number(end) + 1);
  });

  it.each([
    // Where the truncation ends before the corrupt batch, and where it is the first of its segment.
    { corrupt: 5n, offset: 5n },
    { corrupt: 4n, offset: 4n },
  ])('at a corrupt batch needs no repair: offset $offset', ({ corrupt, offset }) => {
    const harness = createHarness({ segmentBytes: 170, indexIntervalBytes: 1 });
    for (let i = 0; i < 12; i++) append(harness.log, `value ${i}`);
    harness.log.close();
    const log = harness.reopen({ highWatermark: 4n });
    const path = `${DIRECTORY}/00000000000000000004.log`;
    const file = harness.disk.open(path);
    const size = harness.disk.size(path);
    file.write([Buffer.of(0xff)], corrupt === 5n ? size - 3 : size / 2 - 3);
    file.close();
    expect(() => log.read(corrupt, 1, { maxOffset: 12n, minOneMessage: true })).toThrow('checksum');
    expect(log.corruptSegments).toEqual([{ baseOffset: 4n, endOffset: 6n }]);
    expect(log.truncateTo(offset)).toBe(offset);
    expect(log.corruptSegments).toEqual([]);
    append(log, 'after');
    expect(contents(log).at(-1)).toBe(`${offset}:after`);
  });

  it('at an offset behind the hole still needs the repair', () => {
    const log = logWithHole(4n);
    expect(log.truncateTo(8n)).toBe(8n);
    expect(log.corruptSegments).toEqual([{ baseOffset: 4n, endOffset: 6n }]);
  });
});
