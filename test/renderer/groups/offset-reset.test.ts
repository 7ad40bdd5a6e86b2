import { describe, expect, it } from 'vitest';
import { checkOffset, previewReset, describeConsequences, type ResetTo } from '../../../renderer/groups/offset-reset.ts';

describe('a reset of offsets', () => {
  it('goes to an offset that is a number', () => {
    expect(['0', '12'].map(checkOffset)).toEqual([null, null]);
    expect(['', '-1', 'end', '1e3', '9'.repeat(19)].map(checkOffset)).toEqual(Array.from({ length: 5 }, () => 'A number: 0 or more.'));
  });

  it.each<[ResetTo, (string | null)[]]>([
    [{ kind: 'earliest' }, ['5', '0', null]],
    [{ kind: 'latest' }, ['20', '3', null]],
    [{ kind: 'offset', offset: '9' }, ['9', '3', null]],
    [{ kind: 'offset', offset: '1' }, ['5', '1', null]],
  ])('%j becomes %j, inside of what each log holds', (to, becomes) => {
    const partitions = [
      { partition: 0, startOffset: '5', endOffset: '20' },
      { partition: 1, startOffset: '0', endOffset: '3' },
      { partition: 2, startOffset: null, endOffset: '7' },
    ];
    expect(previewReset(to, partitions, new Map([[0, '12']]))).toEqual([
      { partition: 0, from: '12', to: becomes[0] },
      { partition: 1, from: null, to: becomes[1] },
      { partition: 2, from: null, to: becomes[2] },
    ]);
  });

  it('is described with its reprocessed and skipped records', () => {
    const moves = [
      { partition: 0, from: '12', to: '2' },
      { partition: 1, from: '3', to: '4' },
      { partition: 2, from: null, to: '0' },
    ];
    expect(describeConsequences({ kind: 'earliest' }, moves)).toEqual([
      'Consumers will restart there.',
      'They reprocess up to 10 records.',
      'Skipped records stay in the topic, not consumed by this group.',
    ]);
    expect(describeConsequences({ kind: 'latest' }, [{ partition: 0, from: '4', to: '4' }])).toEqual(['Consumers will restart there.']);
  });
});
