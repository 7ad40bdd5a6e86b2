/**
 * Brokers document their settings in HTML. The screen shows text: tags are left out, list items and paragraphs begin on a line of their
 * own. Only tags of Apache Kafka's documentation are known; every other `<…>` is text, such as `<listenerName>`.
 */
const BLOCKS = new Set(['p', 'br', 'ul', 'ol', 'dl', 'dt', 'dd', 'div', 'table', 'tr', 'pre', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6']);
const INLINE = new Set(['a', 'b', 'code', 'em', 'i', 'span', 'strong', 'tt', 'td', 'th', 'tbody', 'thead', 'u']);
const ENTITIES: ReadonlyMap<string, string> = new Map([
  ['amp', '&'],
  ['apos', "'"],
  ['gt', '>'],
  ['lt', '<'],
  ['nbsp', ' '],
  ['quot', '"'],
]);
/** A description is shorter by far; a hostile one costs no more than this. */
const MAX_CHARACTERS = 16_384;

export function htmlToText(html: string): string {
  const text = html
    .slice(0, MAX_CHARACTERS)
    .replace(/\s+/g, ' ')
    .replace(/<\/?([a-z][a-z0-9]{0,9})(?:\s[^<>]{0,500})?\/?>/gi, (tag: string, name: string) => {
      const known = name.toLowerCase();
      if (known === 'li') return tag.startsWith('</') ? '\n' : '\n• ';
      if (BLOCKS.has(known)) return '\n';
      return INLINE.has(known) ? '' : tag;
    })
    .replace(/&(?:#(\d{1,6})|([a-z]{2,6}));/gi, (entity: string, code: string | undefined, name: string | undefined) =>
      code === undefined ? (ENTITIES.get((name ?? '').toLowerCase()) ?? entity) : characterOf(Number(code), entity),
    );
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && line !== '•')
    .join('\n');
}

function characterOf(code: number, entity: string): string {
  return code > 31 && code <= 0x10ffff ? String.fromCodePoint(code) : entity;
}
