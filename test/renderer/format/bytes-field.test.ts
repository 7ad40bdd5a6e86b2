import { describe, expect, it } from 'vitest';
import { hexProblem, toPayload } from '../../../renderer/format/bytes-field.ts';

describe('a field of bytes', () => {
  it.each([
    ['', null],
    ['ff 00', null],
    ['FF0', 'A byte has two digits: one is missing.'],
    ['0xff', 'Use the digits 0–9 and a–f only.'],
  ])('as hexadecimal digits "%s": %s', (text, problem) => {
    expect(hexProblem({ encoding: 'hex', text })).toBe(problem);
    expect(hexProblem({ encoding: 'utf8', text })).toBeNull();
  });

  it('keeps an empty text apart from none', () => {
    expect(toPayload({ encoding: 'utf8', text: '' })).toEqual({ encoding: 'utf8', text: '' });
    expect(toPayload({ encoding: 'null', text: 'typed before' })).toEqual({ encoding: 'null', text: '' });
  });
});
