/** Records as text: one line for the list, many for the drawer. */
import type { CutBatch, RecordRow, RecordValue } from '#shared/models/cluster';
import { formatBytes, formatCount } from '../format/numbers.ts';

const LINE_CHARACTERS = 400;

/** One line; null stays null, since an absent key is not an empty one. */
export function oneLine(value: RecordValue): string | null {
  if (value.encoding === 'null') return null;
  const text = value.encoding === 'hex' ? `0x${value.text}` : value.text;
  return text.slice(0, LINE_CHARACTERS).replace(/\s+/g, ' ');
}

export interface Pretty {
  kind: 'json' | 'text' | 'hex' | 'null';
  text: string;
}

/** JSON indented, hexadecimal in lines of sixteen bytes, text as it is. Numbers beyond a double stay as they were written. */
export function prettyValue(value: RecordValue): Pretty {
  if (value.encoding === 'null') return { kind: 'null', text: '' };
  if (value.encoding === 'hex') return { kind: 'hex', text: hexLines(value.text) };
  if (!value.truncated && isJson(value.text)) return { kind: 'json', text: indentJson(value.text) };
  return { kind: 'text', text: value.text };
}

function isJson(text: string): boolean {
  if (!/^\s*[[{]/.test(text)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    // Not JSON: a plain answer, not a failure.
    return false;
  }
}

/** Indents by walking the text, never through parsed numbers: 9007199254740993 would come back as …992. */
function indentJson(text: string): string {
  let depth = 0;
  let inString = false;
  let out = '';
  const newline = (): string => `\n${'  '.repeat(depth)}`;
  for (let i = 0; i < text.length; i += 1) {
    const character = text[i] ?? '';
    if (inString) {
      out += character;
      if (character === '\\') out += text[++i] ?? '';
      else if (character === '"') inString = false;
      continue;
    }
    if (character === '"') {
      inString = true;
      out += character;
    } else if (character === '{' || character === '[') {
      const close = character === '{' ? '}' : ']';
      const rest = /^\s*/.exec(text.slice(i + 1))?.[0].length ?? 0;
      if (text[i + 1 + rest] === close) {
        out += character + close;
        i += rest + 1;
      } else {
        depth += 1;
        out += character + newline();
      }
    } else if (character === '}' || character === ']') {
      depth -= 1;
      out += newline() + character;
    } else if (character === ',') out += `,${newline()}`;
    else if (character === ':') out += ': ';
    else if (!/\s/.test(character)) out += character;
  }
  return out;
}

function hexLines(hex: string): string {
  const lines: string[] = [];
  for (let at = 0; at < hex.length; at += 32) {
    const bytes = hex.slice(at, at + 32).match(/../g) ?? [];
    lines.push(`${(at / 2).toString(16).padStart(6, '0')}  ${bytes.join(' ')}`);
  }
  return lines.join('\n');
}

export interface JsonToken {
  text: string;
  kind: 'key' | 'string' | 'number' | 'word' | 'mark';
}

const TOKEN = /("(?:\\.|[^"\\])*")(\s*:)?|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(true|false|null)|([^"\d\-tfn]+|.)/g;

/** Splits indented JSON for colouring; joined again it is the same text. */
export function jsonTokens(text: string): JsonToken[] {
  const tokens: JsonToken[] = [];
  for (const match of text.matchAll(TOKEN)) {
    const [whole, quoted, colon, number, word] = match;
    if (quoted !== undefined) {
      tokens.push({ text: quoted, kind: colon === undefined ? 'string' : 'key' });
      if (colon !== undefined) tokens.push({ text: colon, kind: 'mark' });
    } else if (number !== undefined) tokens.push({ text: number, kind: 'number' });
    else if (word !== undefined) tokens.push({ text: word, kind: 'word' });
    else tokens.push({ text: whole, kind: 'mark' });
  }
  return tokens;
}

/** What a record batch holds that the page does not show, and why. */
export function describeCutBatch(batch: CutBatch): string {
  const { partition, offset, lastOffset, records, sizeBytes, decompressedBytes, shown, reason } = batch;
  const where = `offset ${formatCount(offset)} of partition ${partition}`;
  const shownText = shown === 0 ? 'none shown' : `${formatCount(shown)} shown`;
  switch (reason) {
    case 'RECORDS':
      return (
        `Batch at ${where} holds ${records === null ? '?' : formatCount(records)} records ` +
        `(${formatBytes(decompressedBytes ?? sizeBytes)}${decompressedBytes === null ? '' : ' decompressed'}); ${shownText}.`
      );
    case 'SIZE':
      return `Batch at ${where} (${formatBytes(sizeBytes)}) was not decoded: it decompresses to more than 67.1 MB. Its records are not shown.`;
    case 'SEVERAL':
      return `More batches from ${where} to offset ${formatCount(lastOffset)} were not decoded in full.`;
    case 'WORKER_TIMED_OUT':
    case 'WORKER_FAILED':
      return `Records from ${where} to offset ${formatCount(lastOffset)} are not shown: decoding them exceeded its limits (${reason}).`;
    default:
      return `Batch at ${where} was not decoded (${reason}); ${shownText}.`;
  }
}

export const recordKey = (record: RecordRow): string => `${record.partition}:${record.offset}`;

/** What a text filter looks through: text as it is, other bytes by their hexadecimal digits (`0xfffe`, `ff fe`). */
export function recordMatcher(query: string): (record: RecordRow) => boolean {
  const text = query.toLowerCase();
  const digits = hexDigits(text);
  const has = (value: RecordValue): boolean =>
    value.encoding === 'hex' ? digits !== null && hasBytes(value.text, digits) : value.text.toLowerCase().includes(text);
  return (record) =>
    has(record.key) || has(record.value) || record.headers.some(({ key, value }) => key.toLowerCase().includes(text) || has(value));
}

/** Without prefix and spaces; null when it is no hexadecimal number. */
function hexDigits(text: string): string | null {
  const digits = text.replace(/^0x/, '').replace(/\s+/g, '');
  return /^[0-9a-f]+$/.test(digits) ? digits : null;
}

/** A match starts at a whole byte: `f8` is not in `0f8f`. */
function hasBytes(hex: string, digits: string): boolean {
  for (let at = hex.indexOf(digits); at >= 0; at = hex.indexOf(digits, at + 1)) if (at % 2 === 0) return true;
  return false;
}
