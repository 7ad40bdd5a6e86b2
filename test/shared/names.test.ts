import { describe, expect, it } from 'vitest';
import { confirmsName, escapeName } from '../../shared/names.ts';
import { ODD_NAMES } from '../helpers/odd-names.ts';

describe('escapeName', () => {
  it.each([
    ['orders', 'orders'],
    ['größe-Δ-订单', 'größe-Δ-订单'],
    ['a b', 'a b'],
    ['', '""'],
    ['""', '\\"\\"'],
    ['a\nb', 'a\\nb'],
    ['a\\nb', 'a\\\\nb'],
    [' ', '\\u0020'],
    ['orders ', 'orders\\u0020'],
    [' orders', '\\u0020orders'],
    ['a  b', 'a \\u0020b'],
    ['\u202egnp.exe', '\\u202egnp.exe'],
    ['a\u00a0b', 'a\\u00a0b'],
    ['a\u200bb', 'a\\u200bb'],
    ['a\u3164b', 'a\\u3164b'],
    ['\ud800', '\\ud800'],
    ['\u{e0041}', '\\u{e0041}'],
    ['a\0', 'a\\u0000'],
  ])('shows %j as %s', (name, shown) => {
    expect(escapeName(name)).toBe(shown);
  });

  it('shows no two names alike', () => {
    const shown = ODD_NAMES.map(escapeName);
    expect(new Set(shown).size).toBe(new Set(ODD_NAMES).size);
  });

  it('shows what can be seen and typed only', () => {
    for (const name of ODD_NAMES) {
      const shown = escapeName(name);
      expect(shown).not.toBe('');
      expect(shown).toBe(shown.trim());
      expect(shown).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]| {2}/u);
    }
  });
});

describe('confirmsName', () => {
  it('takes the name and its escaped form, and nothing else', () => {
    for (const name of ODD_NAMES) {
      expect(confirmsName(escapeName(name), name)).toBe(true);
      expect(confirmsName(name, name)).toBe(name !== '');
      expect(confirmsName(`${escapeName(name)}x`, name)).toBe(false);
    }
  });

  it('does not take an empty field for the empty name', () => {
    expect(confirmsName('', '')).toBe(false);
    expect(confirmsName('""', '')).toBe(true);
  });
});
