import { describe, expect, it } from 'vitest';
import type { RecordValue } from '#shared/models/cluster';
import { jsonTokens, oneLine, prettyValue } from '../../../renderer/format/records.ts';

const utf8 = (text: string): RecordValue => ({ encoding: 'utf8', text, truncated: false, sizeBytes: text.length });

describe('records', () => {
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

  it('tells an absent key from an empty one', () => {
    expect(oneLine({ encoding: 'null', text: '', truncated: false, sizeBytes: 0 })).toBeNull();
    expect(oneLine(utf8(''))).toBe('');
    expect(oneLine(utf8('a\n  b'))).toBe('a b');
    expect(oneLine({ encoding: 'hex', text: 'ff00', truncated: false, sizeBytes: 2 })).toBe('0xff00');
  });
});
