import { describe, expect, it } from 'vitest';
import { check, type Voids } from './check.ts';
import { History, type Write } from './history.ts';

const VOID_AT = 100;
const WRITE: Write = {
  producer: 'alice',
  topic: 'clicks',
  partition: 0,
  value: 'alice/clicks-0/0',
  rank: 0,
  acks: -1,
  key: undefined,
  idempotent: true,
  firstSentAt: 90,
  sentAt: 110,
  ackedAt: 120,
  offset: 5n,
};

/** Kinds of violations of a run whose log is empty at the end. */
function kindsOf(write: Write, voids: Partial<Voids> = {}): string[] {
  const history = new History();
  history.writes.push(write);
  const partitions = [{ topic: 'clicks', partition: 0, compacted: false, records: [], replicas: new Map() }];
  check({ history, partitions, at: 200, voids: { voidAt: () => VOID_AT, endAtVoid: () => 6n, ...voids } });
  return history.violations.map(({ kind }) => kind);
}

describe('check: a lost write whose promise became void while it was retried', () => {
  it('is allowed when the leader had the record of the first attempt before', () => {
    expect(kindsOf(WRITE)).toEqual([]);
  });

  it('is allowed when the last attempt was before', () => {
    expect(kindsOf({ ...WRITE, sentAt: 99 }, { endAtVoid: () => 0n })).toEqual([]);
  });

  it('is reported when the record was appended behind the records that the leader had before', () => {
    expect(kindsOf(WRITE, { endAtVoid: () => 5n })).toEqual(['lost write']);
  });

  it('is reported when every attempt was after', () => {
    expect(kindsOf({ ...WRITE, firstSentAt: 101 })).toEqual(['lost write']);
  });

  it('is reported when retries are not recognised, so that the last attempt appended the record', () => {
    expect(kindsOf({ ...WRITE, idempotent: false })).toEqual(['lost write']);
  });

  it('is reported when the promise holds', () => {
    expect(kindsOf(WRITE, { voidAt: () => undefined })).toEqual(['lost write']);
  });

  it('uses the log end at the time of the acknowledgement', () => {
    expect(kindsOf(WRITE, { endAtVoid: (_topic, _partition, at) => (at < 120 ? 6n : 0n) })).toEqual(['lost write']);
  });
});
