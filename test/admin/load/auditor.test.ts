/** Audits of logs whose leader changes: the result must be that of the last leader. */
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { Auditor } from '../../../electron/admin/load/auditor.ts';
import { Ledger } from '../../../electron/admin/load/ledger.ts';
import type { Leadership, LogEnds, VisitedRecord } from '../../../electron/admin/load/log-reader.ts';
import { keyIndex, keyText, LoadValues } from '../../../electron/admin/load/values.ts';
import { AdminError } from '../../../electron/admin/errors.ts';
import { ClusterClient } from '../../../electron/admin/cluster-client.ts';
import type { ProducerLoad } from '../../../shared/models/load.ts';

/** One partition: the epoch of its leader, and the records of this leader. */
interface Log {
  epoch: number | null;
  start: number;
  /** By offset; undefined where compaction removed the record. */
  records: (number | undefined)[];
  highWatermark?: number;
}

const state = vi.hoisted(() => ({
  topicId: 'a',
  gone: false,
  policy: 'delete',
  logs: [] as Log[],
  reads: 0,
  beforeRead: (): void => undefined,
}));
const SPEC: ProducerLoad = {
  kind: 'producer',
  name: 'writer',
  topic: 'orders',
  clients: 1,
  recordsPerSecond: 100,
  valueBytes: 64,
  acks: 'all',
  idempotent: true,
  keys: { kind: 'even', distinct: 2 },
  records: null,
};
const values = new LoadValues('00000001', 64);

vi.mock('../../../electron/admin/configs.ts', () => ({
  topicSettings: () => Promise.resolve(new Map([['orders', new Map([['cleanup.policy', state.policy]])]])),
}));
vi.mock('../../../electron/admin/load/log-reader.ts', () => {
  const fail = (code: string) => new AdminError({ code, message: code });
  const logOf = (partition: number, epoch: number): Log => {
    const log = state.logs[partition];
    if (log?.epoch !== epoch) throw fail('FENCED_LEADER_EPOCH');
    return log;
  };
  return {
    topicState: () =>
      Promise.resolve(
        state.gone
          ? null
          : {
              topicId: state.topicId,
              partitions: new Map(state.logs.map(({ epoch }, i) => [i, epoch === null ? null : { leader: 1, epoch }])),
            },
      ),
    logEnds: async (_client: unknown, _topic: string, partition: number, { epoch }: Leadership): Promise<LogEnds> => {
      await Promise.resolve();
      const { start, records } = logOf(partition, epoch);
      return { logStart: BigInt(start), end: BigInt(records.length) };
    },
    readLog: async (
      _client: unknown,
      where: Leadership & { partition: number; from: bigint; end: bigint },
      visit: (record: VisitedRecord) => void,
    ): Promise<bigint> => {
      await Promise.resolve();
      state.reads++;
      const then = state.beforeRead;
      state.beforeRead = () => undefined;
      then();
      const { records, highWatermark } = logOf(where.partition, where.epoch);
      const end = Math.min(Number(where.end), highWatermark ?? Infinity);
      for (let offset = Number(where.from); offset < end; offset++) {
        const sequence = records[offset];
        if (sequence === undefined) continue;
        visit({
          offset: BigInt(offset),
          key: Buffer.from(keyText(keyIndex(SPEC.keys, sequence))),
          value: values.encode(1, sequence),
        });
      }
      return BigInt(Math.max(Number(where.from), end));
    },
  };
});

/** Ten records, to two partitions in turn, all acknowledged at their offsets in the logs. */
function begin(): { ledger: Ledger; auditor: Auditor } {
  const ledger = new Ledger();
  for (let i = 0; i < 10; i++) ledger.acknowledge(ledger.send(i % 2), Math.floor(i / 2));
  return { ledger, auditor: new Auditor(new ClusterClient({ bootstrap: null, clientId: 'test' }), SPEC, ledger, values) };
}

beforeEach(() => {
  Object.assign(state, { topicId: 'a', gone: false, policy: 'delete', reads: 0, beforeRead: () => undefined });
  state.logs = [
    { epoch: 1, start: 0, records: [0, 2, 4, 6, 8] },
    { epoch: 1, start: 0, records: [1, 3, 5, 7, 9] },
  ];
});

describe('Auditor', () => {
  it('finds all records, and resumes from its position', async () => {
    const { ledger, auditor } = begin();
    expect(await auditor.audit(false)).toMatchObject({ complete: true, acknowledged: 10, found: 10, lost: 0, duplicated: 0 });
    ledger.acknowledge(ledger.send(0), 5);
    state.logs[0]?.records.push(10);
    expect(await auditor.audit(false)).toMatchObject({ complete: true, acknowledged: 11, found: 11, duplicated: 0 });
    expect(await auditor.audit(true)).toMatchObject({ complete: true, acknowledged: 11, found: 11, duplicated: 0 });
  });

  it('finds a duplicate and a lost record', async () => {
    const { auditor } = begin();
    state.logs[0] = { epoch: 1, start: 0, records: [0, 2, 2, 6, 8] };
    expect(await auditor.audit(false)).toMatchObject({
      complete: true,
      found: 9,
      lost: 1,
      duplicated: 1,
      lostRanges: [{ from: 4, to: 4, partition: 0, offset: '2', count: 1 }],
    });
  });

  it('reads a partition again under another leader, whose log has the same length', async () => {
    const { auditor } = begin();
    expect(await auditor.audit(false)).toMatchObject({ lost: 0 });
    state.logs[1] = { epoch: 2, start: 0, records: [1, 3, undefined, undefined, undefined, 9] };
    expect(await auditor.audit(false)).toMatchObject({ complete: true, found: 8, lost: 2, duplicated: 0 });
  });

  it('discards records of a leader that was replaced during the audit', async () => {
    const { auditor } = begin();
    state.beforeRead = () => {
      state.logs[0] = { epoch: 2, start: 0, records: [0] };
      state.logs[1] = { epoch: 2, start: 0, records: [1, 3, 5, 7, 9] };
    };
    expect(await auditor.audit(false)).toMatchObject({ complete: true, found: 6, lost: 4, duplicated: 0 });
  });

  it('reports records that cannot be read as unread, not as lost', async () => {
    const { auditor } = begin();
    state.logs[0] = { epoch: null, start: 0, records: [] };
    (state.logs[1] as Log).highWatermark = 2;
    expect(await auditor.audit(false)).toMatchObject({ complete: false, acknowledged: 10, found: 2, lost: 0, unread: 8 });
  });

  it('distinguishes removed from lost records', async () => {
    const { auditor } = begin();
    state.logs[0] = { epoch: 1, start: 3, records: [undefined, undefined, undefined, 6, 8] };
    expect(await auditor.audit(false)).toMatchObject({ complete: true, removed: 3, lost: 0, found: 7 });
    // Keys 0 and 1 alternate: partition 0 has only key 0, and keeps its last record.
    state.logs[1] = { epoch: 1, start: 0, records: [undefined, undefined, undefined, undefined, 9] };
    expect(await auditor.audit(true)).toMatchObject({ lost: 4 });
    state.policy = 'compact';
    expect(await auditor.audit(true)).toMatchObject({ complete: true, removed: 7, lost: 0, found: 3 });
  });

  it('reports records of a deleted and of a re-created topic as lost', async () => {
    const { auditor } = begin();
    await auditor.audit(false);
    state.gone = true;
    expect(await auditor.audit(false)).toMatchObject({ complete: true, found: 0, lost: 10 });
    Object.assign(state, { gone: false, topicId: 'b', logs: [{ epoch: 1, start: 0, records: [] }] });
    expect(await auditor.audit(false)).toMatchObject({ complete: true, found: 0, lost: 10 });
  });
});
