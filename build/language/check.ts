/**
 * Finds words that the language of the project leaves out, in comments, names, texts and documents. A line in which such a word is right, as in a
 * quotation, ends with a comment `language: <reason>`.
 */
import { WORDS } from './words.ts';

export interface Hit {
  /** From 1. */
  line: number;
  found: string;
  instead: string;
  text: string;
}

const EXEMPT = /\blanguage: \S/;

/** Separates the words of identifiers: camelCase, snake_case, kebab-case. */
export function splitWords(text: string): string {
  return text
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replace(/([A-Z]+)([A-Z][a-z])/g, '$1 $2')
    .replace(/[_-]+/g, ' ')
    .toLowerCase();
}

export function findWords(source: string): Hit[] {
  const hits: Hit[] = [];
  const lines = source.split('\n');
  for (const [index, text] of lines.entries()) {
    if (EXEMPT.test(text)) continue;
    // A phrase may be wrapped: the first word of the next line is checked with this one.
    const [next = ''] = (lines[index + 1] ?? '').replace(/^[\s/*#-]+/, '').split(/\s/);
    const own = splitWords(text).trimEnd();
    const words = `${own} ${splitWords(next)}`;
    for (const { pattern, instead } of WORDS) {
      const match = pattern.exec(words);
      if (match !== null && match.index < own.length) hits.push({ line: index + 1, found: match[0], instead, text: text.trim() });
    }
  }
  return hits;
}
