/** Our few words of markup, `**bold**` and `` `code` ``, as segments: the same text is drawn on a page and written into Markdown. */
export interface Segment {
  kind: 'text' | 'bold' | 'code';
  text: string;
}

export function richSegments(text: string): Segment[] {
  return text
    .split(/(\*\*[^*]+\*\*|`[^`]+`)/)
    .filter((part) => part !== '')
    .map((part): Segment => {
      if (part.startsWith('**')) return { kind: 'bold', text: part.slice(2, -2) };
      if (part.startsWith('`')) return { kind: 'code', text: part.slice(1, -1) };
      return { kind: 'text', text: part };
    });
}
