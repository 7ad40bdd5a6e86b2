import { describe, expect, it } from 'vitest';
import type { CutBatch, RecordRow, RecordValue } from '#shared/models/cluster';
import { describeCutBatch, jsonTokens, oneLine, prettyValue, recordMatcher } from '../../../renderer/messages/records.ts';

const utf8 = (text: string): RecordValue => ({ encoding: 'utf8', text, truncated: false, sizeBytes: text.length });

const CUT: CutBatch = {
  partition: 0,
  offset: '1',
  lastOffset: '9586980',
  records: 9_586_980,
  sizeBytes: 98_000,
  decompressedBytes: 67_108_860,
  shown: 500,
  reason: 'RECORDS',
};

describe('records', () => {
  it.each<[Partial<CutBatch>, string]>([
    [{}, 'Batch at offset 1 of partition 0 holds 9,586,980 records (67.1 MB decompressed); 500 shown.'],
    [
      { reason: 'SIZE', decompressedBytes: null, shown: 0 },
      'Batch at offset 1 of partition 0 (98.0 kB) was not decoded: it decompresses to more than 67.1 MB. Its records are not shown.',
    ],
    [{ reason: 'CORRUPT_MESSAGE', shown: 0 }, 'Batch at offset 1 of partition 0 was not decoded (CORRUPT_MESSAGE); none shown.'],
    [
      { reason: 'WORKER_TIMED_OUT', shown: 0 },
      'Records from offset 1 of partition 0 to offset 9,586,980 are not shown: decoding them exceeded its limits (WORKER_TIMED_OUT).',
    ],
    [{ reason: 'SEVERAL' }, 'More batches from offset 1 of partition 0 to offset 9,586,980 were not decoded in full.'],
  ])('describes a batch that is not shown in full: %o', (more, text) => {
    expect(describeCutBatch({ ...CUT, ...more })).toBe(text);
  });

  it('indents JSON without touching its numbers or strings', () => {
    const text = '{"id":9007199254740993,"note":"a \\"{quoted}\\", b: c","empty":{},"list":[1,[]]}';
    const pretty = prettyValue(utf8(text));
    expect(pretty.kind).toBe('json');
    expect(pretty.text).toBe(
      [
        '{',
        '  "id": 9007199254740993,',
        '  "note": "a \\"{quoted}\\", b: c",',
        '  "empty": {},',
        '  "list": [',
        '    1,',
        '    []',
        '  ]',
        '}',
      ].join('\n'),
    );
    expect(JSON.parse(pretty.text)).toEqual(JSON.parse(text));
  });

  it('leaves alone what is not JSON, or is cut', () => {
    expect(prettyValue(utf8('{not json')).kind).toBe('text');
    expect(prettyValue({ ...utf8('{"a":1}'), truncated: true }).kind).toBe('text');
    expect(prettyValue({ encoding: 'null', text: '', truncated: false, sizeBytes: 0 }).kind).toBe('null');
  });

  it('colours JSON without losing a character', () => {
    const text = '{\n  "t": true, "n": null, "f": -1.5e3, "s": "true null 1"\n}';
    const tokens = jsonTokens(text);
    expect(tokens.map((token) => token.text).join('')).toBe(text);
    expect(tokens.find((token) => token.text === '"s"')?.kind).toBe('key');
    expect(tokens.find((token) => token.text === '"true null 1"')?.kind).toBe('string');
    expect(tokens.find((token) => token.text === 'null')?.kind).toBe('word');
    expect(tokens.find((token) => token.text === '-1.5e3')?.kind).toBe('number');
  });

  it('distinguishes an absent key from an empty one', () => {
    expect(oneLine({ encoding: 'null', text: '', truncated: false, sizeBytes: 0 })).toBeNull();
    expect(oneLine(utf8(''))).toBe('');
    expect(oneLine(utf8('a\n  b'))).toBe('a b');
    expect(oneLine({ encoding: 'hex', text: 'ff00', truncated: false, sizeBytes: 2 })).toBe('0xff00');
  });
});

describe('recordMatcher', () => {
  const hex = (text: string): RecordValue => ({ encoding: 'hex', text, truncated: false, sizeBytes: text.length / 2 });
  const none: RecordValue = { encoding: 'null', text: '', truncated: false, sizeBytes: 0 };
  const record = (value: RecordValue, header: { key: string; value: RecordValue } | null = null): RecordRow => ({
    partition: 0,
    offset: '0',
    timestamp: null,
    timestampType: 'create',
    key: none,
    value,
    headers: header === null ? [] : [header],
    headerCount: header === null ? 0 : 1,
    sizeBytes: 0,
    compression: 'none',
  });

  it.each<[string, RecordValue, boolean]>([
    ['0xfffe', hex('00fffe01'), true],
    ['ff fe', hex('00fffe01'), true],
    ['FFFE', hex('00fffe01'), true],
    ['f8', hex('0f8f'), false],
    ['f8', hex('0f8ff8'), true],
    ['fffe', utf8('the bytes fffe'), true],
    ['0xff', utf8('the bytes ff'), false],
    ['hello', hex('68656c6c6f00'), false],
    ['x', none, false],
    ['É', utf8('caf\u00e9'), true],
  ])('%s in %o: %s', (query, value, expected) => {
    expect(recordMatcher(query)(record(value))).toBe(expected);
    expect(recordMatcher(query)(record(none, { key: 'h1', value }))).toBe(expected);
  });

  it('looks at names of headers', () => {
    expect(recordMatcher('trace')(record(none, { key: 'Trace-Id', value: none }))).toBe(true);
  });
});
