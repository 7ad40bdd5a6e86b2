/** WCAG 2.2 AA: every text role on every ground that it stands on, in both themes, computed from the tokens themselves. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const css = readFileSync(new URL('../../../renderer/styles/tokens.css', import.meta.url), 'utf8');

function rolesOf(theme: 'dark' | 'light'): Map<string, string> {
  const block = new RegExp(`\\[data-theme='${theme}'\\] \\{([^}]*)\\}`).exec(css)?.[1] ?? '';
  return new Map([...block.matchAll(/--([a-z-]+): (#[0-9a-f]{6});/g)].map((match) => [match[1] ?? '', match[2] ?? '']));
}

function luminance(hex: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => {
    const channel = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
  const [low = 0, high = 0] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
}

const GROUNDS = ['bg', 'surface', 'raised', 'sunk', 'hover', 'field'];
const TEXTS = ['text', 'muted', 'faint', 'accent', 'ok', 'warn', 'bad', 'control', 'flow'];
const PAIRS: [string, string][] = [
  ...TEXTS.flatMap((text) => GROUNDS.map((ground): [string, string] => [text, ground])),
  ['text', 'accent-wash'],
  ['muted', 'accent-wash'],
  ['text', 'warn-wash'],
  ['warn', 'warn-wash'],
  ['text', 'bad-wash'],
  ['bad', 'bad-wash'],
  ['accent-ink', 'accent'],
  ['bg', 'bad'],
];

/** What a control is known by, and what marks a state: 3:1 is enough. */
const MARKS: [string, string][] = ['edge', 'accent', 'ok', 'warn', 'bad', 'control', 'flow'].flatMap((mark) =>
  GROUNDS.map((ground): [string, string] => [mark, ground]),
);

describe.each(['dark', 'light'] as const)('contrast, %s', (theme) => {
  const roles = rolesOf(theme);
  it.each(PAIRS)('%s on %s', (text, ground) => {
    const [a, b] = [roles.get(text), roles.get(ground)];
    if (a === undefined || b === undefined) throw new Error(`no such role: ${text} or ${ground}`);
    expect(contrast(a, b)).toBeGreaterThanOrEqual(4.5);
  });
  it.each(MARKS)('%s beside %s', (mark, ground) => {
    const [a, b] = [roles.get(mark), roles.get(ground)];
    if (a === undefined || b === undefined) throw new Error(`no such role: ${mark} or ${ground}`);
    expect(contrast(a, b)).toBeGreaterThanOrEqual(3);
  });
});
