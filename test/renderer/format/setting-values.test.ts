import { describe, expect, it } from 'vitest';
import type { TopicRow } from '../../../shared/models/cluster.ts';
import { describePolicyLoss, describeResetLoss, describeRetentionLoss } from '../../../renderer/topics/retention-loss.ts';
import { describeSetting, echoSetting, parseSetting, typedSetting } from '../../../renderer/format/setting-values.ts';

const LONG_MAX = '9223372036854775807';

describe('settings with a unit', () => {
  it.each([
    ['retention.ms', '604800000', '7 d'],
    ['retention.ms', '-1', 'no limit'],
    ['retention.bytes', '-1', 'no limit'],
    ['retention.bytes', '1073741824', '1 GiB'],
    ['log.retention.hours', '168', '7 d'],
    ['offsets.retention.minutes', '10080', '7 d'],
    ['max.message.bytes', '1048588', '1,048,588 B'],
    ['segment.ms', LONG_MAX, 'never'],
    ['linger.ms', '0', '0 ms'],
    ['flush.ms', '-2', null],
    ['local.retention.ms', '-2', null],
    ['retention.ms', 'soon', null],
    ['retention.ms', null, null],
    ['min.insync.replicas', '2', null],
    ['cleanup.policy', 'delete', null],
  ])('%s %s is shown as %s', (name, value, shown) => {
    expect(describeSetting(name, value)).toBe(shown);
  });

  it.each([
    ['retention.ms', '7 d', '604800000'],
    ['retention.ms', '604800000', '604800000'],
    ['retention.ms', '-1', '-1'],
    ['retention.ms', 'no limit', '-1'],
    ['retention.bytes', '1 GiB', '1073741824'],
    ['log.retention.hours', '7 d', '168'],
    ['min.insync.replicas', ' 2', ' 2'],
  ])('%s typed as %j is sent as %j', (name, typed, value) => {
    expect(parseSetting(name, typed)).toEqual({ value });
  });

  it.each([
    ['retention.ms', '7 x', '“7 x” is not a duration. Write for example 7 d, 36 h or 250 ms.'],
    ['retention.ms', '1 GiB', '“1 GiB” is not a duration. Write for example 7 d, 36 h or 250 ms.'],
    ['retention.ms', '', '“” is not a duration. Write for example 7 d, 36 h or 250 ms.'],
    ['retention.bytes', '7 d', '“7 d” is not a size. Write for example 1 GiB, 500 MB or 1024 B.'],
    ['segment.ms', 'no limit', '“no limit” is not a duration. Write for example 7 d, 36 h or 250 ms.'],
    ['log.retention.hours', '90 min', 'Kafka stores whole h here.'],
    ['retention.ms', '999999999999999999 d', '999999999999999999 d is more than Kafka can store.'],
  ])('%s typed as %j is refused before it is sent', (name, typed, error) => {
    expect(parseSetting(name, typed)).toEqual({ error });
  });

  it('is the same after it was opened and saved', () => {
    const numbers = ['-1', '-2', '0', '1', '999', '1048588', '604800000', '1073741824', LONG_MAX];
    for (const name of ['retention.ms', 'retention.bytes', 'segment.bytes', 'min.insync.replicas'])
      for (const value of numbers) expect(parseSetting(name, typedSetting(name, value)), `${name} ${value}`).toEqual({ value });
    expect(parseSetting('log.retention.hours', typedSetting('log.retention.hours', '168'))).toEqual({ value: '168' });
    for (const value of ['delete', '', 'compact,delete'])
      expect(parseSetting('cleanup.policy', typedSetting('cleanup.policy', value))).toEqual({ value });
  });

  it('says what will be sent', () => {
    expect(echoSetting('retention.ms', '7 d')).toBe('604,800,000 ms (7 d)');
    expect(echoSetting('retention.ms', '604800000')).toBe('604,800,000 ms (7 d)');
    expect(echoSetting('segment.bytes', '1 MiB')).toBe('1,048,576 B (1 MiB)');
    expect(echoSetting('max.message.bytes', '1048588')).toBeNull();
    expect(echoSetting('retention.ms', '7 x')).toBeNull();
    expect(echoSetting('cleanup.policy', 'delete')).toBeNull();
  });
});

describe('a lower retention', () => {
  const topic = (sizes: (string | null)[], cleanupPolicy: string | null = 'delete'): TopicRow =>
    ({ name: 'orders', cleanupPolicy, partitions: sizes.map((sizeBytes, partition) => ({ partition, sizeBytes })) }) as unknown as TopicRow;
  const loss = (name: string, from: string | null, to: string | null, of = topic(['5000', '900', '2000'])): string | null =>
    describeRetentionLoss(name, from, to, of);

  it('deletes records, as many as is known', () => {
    expect(loss('retention.ms', '604800000', '3600000')).toBe(
      'Deletes all records of orders older than 1 h, on every replica. How many is not known.',
    );
    expect(loss('retention.ms', '-1', '604800000')).toContain('older than 7 d');
    expect(loss('retention.bytes', '-1', '1000')).toBe(
      'Deletes up to 5.00 kB of the oldest records in 2 partitions of orders, on every replica.',
    );
    expect(loss('retention.bytes', '9000', '1000', topic(['5000', null]))).toBe(
      'Deletes up to 4.00 kB of the oldest records in 1 partition of orders, on every replica. The size of 1 partition is not known.',
    );
    expect(loss('retention.bytes', '-1', '1000', topic([null]))).toBe(
      'May delete the oldest records of orders. The size of 1 partition is not known.',
    );
  });

  it.each([
    ['a higher one', 'retention.ms', '3600000', '604800000'],
    ['the same', 'retention.ms', '3600000', '3600000'],
    ['none', 'retention.ms', '3600000', '-1'],
    ['a size that no partition has', 'retention.bytes', '-1', '1000000'],
    ['another setting', 'segment.ms', '3600000', '1000'],
    ['a reset', 'retention.ms', '3600000', null],
    ['what is no number', 'retention.ms', '3600000', 'x'],
  ])('does not: %s', (_what, name, from, to) => {
    expect(loss(name, from, to)).toBeNull();
  });

  describe('by a reset', () => {
    const settings = new Map([
      ['retention.ms', '604800000'],
      ['retention.bytes', '-1'],
    ]);
    const reset = (name: string, value: string, inherited?: string | null, of = topic(['5000'])): string | null =>
      describeResetLoss({ name, value, ...(inherited === undefined ? {} : { inherited }) }, of, settings);

    it('is described by the inherited value', () => {
      expect(reset('retention.ms', '-1', '604800000')).toBe(
        'retention.ms is then 7 d. Deletes all records of orders older than 7 d, on every replica. How many is not known.',
      );
      expect(reset('retention.bytes', '-1', '1000')).toContain('retention.bytes is then 1 kB. Deletes up to 4.00 kB');
      expect(reset('cleanup.policy', 'compact', 'delete')).toBe(
        'cleanup.policy is then delete. Deletes all records of orders older than 7 d, on every replica. How many is not known.',
      );
    });

    it('is possible where the inherited value is not known', () => {
      for (const name of ['retention.ms', 'retention.bytes', 'cleanup.policy'])
        for (const unknown of [undefined, null])
          expect(reset(name, '1', unknown)).toBe(`May delete records of orders: the inherited value of ${name} is not known.`);
    });

    it.each([
      ['a higher inherited value', 'retention.ms', '1000', '604800000'],
      ['no inherited limit', 'retention.bytes', '1000', '-1'],
      ['the same policy', 'cleanup.policy', 'delete', 'delete'],
      ['another setting', 'segment.ms', '1000', null],
    ])('does not: %s', (_what, name, value, inherited) => {
      expect(reset(name, value, inherited)).toBeNull();
    });
  });

  it('applies when cleanup.policy begins to delete, and compaction when it begins to compact', () => {
    const change = (from: string | null, to: string, settings: [string, string | null][]): string | null =>
      describePolicyLoss(from, to, topic(['5000'], from), new Map(settings));
    const unlimited: [string, string][] = [
      ['retention.ms', '-1'],
      ['retention.bytes', '-1'],
    ];
    expect(change('compact', 'compact,delete', [['retention.ms', '3600000'], ['retention.bytes', '-1']])).toContain('older than 1 h'); // prettier-ignore
    expect(change('compact', 'delete', unlimited)).toBeNull();
    expect(change('compact', 'delete', [['retention.ms', '-1']])).toBe('May delete records of orders: retention.bytes is not known.');
    expect(change('delete', 'delete, compact', unlimited)).toBe('Compaction deletes each record of orders whose key has a later record.');
    expect(change('delete', 'delete', [])).toBeNull();
  });

  it('deletes nothing of a topic that is only compacted', () => {
    expect(loss('retention.ms', '-1', '1000', topic(['5000'], 'compact'))).toBeNull();
    expect(loss('retention.ms', '-1', '1000', topic(['5000'], 'compact,delete'))).not.toBeNull();
    expect(loss('retention.ms', '-1', '1000', topic(['5000'], null))).not.toBeNull();
  });
});
