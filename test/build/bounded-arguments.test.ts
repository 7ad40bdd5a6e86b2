import { Linter } from 'eslint';
import { describe, expect, test } from 'vitest';
import { brokerdeskPlugin } from '../../build/eslint/plugin.ts';

function lint(source: string): string[] {
  return new Linter()
    .verify(source, [{ plugins: { brokerdesk: brokerdeskPlugin }, rules: { 'brokerdesk/bounded-arguments': 'error' } }])
    .map(({ message }) => message);
}

describe('the rule bounded-arguments', () => {
  test.each([
    'list.push(...items)',
    'this.pending.push(first, ...items)',
    'list.unshift(...items.map(f))',
    'list.splice(0, 1, ...items)',
    'list.concat(...lists)',
    'Math.max(...values)',
    'Math.min(0, ...values, 1)',
    'String.fromCharCode(...codes)',
    'String.fromCodePoint(...codes)',
    'Math.max.apply(null, values)',
    'list.push.apply(list, items)',
    'Reflect.apply(list.push, list, items)',
    'list?.push(...items)',
  ])('refuses %s', (source) => {
    expect(lint(source)).toEqual([expect.stringContaining('overflows the stack')]);
  });

  test.each([
    'list.push(a, b)',
    "list.push(...['a', 'b'])",
    'Math.max(a, b)',
    'Math.max.apply(null, [a, b])',
    'f(...items)',
    'new Set([...items])',
    'list.push([...items])',
    'Reflect.apply(original, self, args)',
    'this.apply(record)',
  ])('allows %s', (source) => {
    expect(lint(source)).toEqual([]);
  });
});
