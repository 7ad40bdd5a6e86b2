import { describe, expect, it } from 'vitest';
import type { Diagram } from '../../../renderer/diagrams/diagram.ts';
import { diagramSvg, escapeXml, ROLES, type Colours } from '../../../renderer/diagrams/diagram-svg.ts';
import { CONCEPTS } from '../../../renderer/learn/concepts.ts';
import { learnHtml, learnMarkdown } from '../../../renderer/learn/export.ts';
import { learnState, sentRecord } from '../learn/learn-fixture.ts';

const colours = Object.fromEntries(ROLES.map((role, i) => [role, `#0000${(16 + i).toString(16)}`])) as Colours;

/** Well-formed, by the book's short version: tags close in order, attributes are quoted and appear once, no stray `<` or `&`. */
function wellFormed(xml: string): void {
  const open: string[] = [];
  let rest = xml.replace(/^<\?xml [^?]*\?>\s*/, '');
  while (rest !== '') {
    const text = /^[^<]+/.exec(rest)?.[0];
    if (text !== undefined) {
      expect(text.replace(/&(amp|lt|gt|quot);/g, '')).not.toMatch(/[&>]/);
      rest = rest.slice(text.length);
      continue;
    }
    const tag = /^<(\/?)([a-z]+)((?:\s+[a-z:-]+="(?:[^"<&]|&(?:amp|lt|gt|quot);)*")*)\s*(\/?)>/i.exec(rest);
    if (tag === null) throw new Error(`no tag: ${rest.slice(0, 120)}`);
    const [whole, close, name, attributes, empty] = tag;
    const names = [...(attributes ?? '').matchAll(/\s([a-z:-]+)=/gi)].map(([, one]) => one);
    expect(new Set(names).size, whole).toBe(names.length);
    if (close === '/') expect(open.pop()).toBe(name);
    else if (empty !== '/') open.push(name ?? '');
    rest = rest.slice(whole.length);
  }
  expect(open).toEqual([]);
}

const nasty: Diagram = {
  width: 300,
  height: 200,
  boxes: [
    {
      id: 'a',
      x: 10,
      y: 10,
      width: 180,
      height: 60,
      tone: 'bad',
      dashed: true,
      title: '<script>&"\u0000\u0007',
      note: 'a & b',
      lines: [{ text: '1 < 2', tone: 'warn' }],
      cells: [{ id: 'c', text: '7', tone: 'accent', mark: '<end>' }],
      said: '"quoted" & <b>',
    },
    { id: 'b', x: 200, y: 100, width: 80, height: 40, tone: 'plain', said: 'b' },
  ],
  edges: [
    { id: 'e', from: 'a', to: 'b', tone: 'flow', cut: true, label: 'x<y' },
    { id: 'f', from: 'a', to: 'nowhere', tone: 'flow' },
  ],
  glyphs: (['leader', 'inSync', 'lagging', 'offline', 'electing'] as const).map((state, i) => ({
    id: state,
    x: 20 * i + 10,
    y: 150,
    state,
    said: `<${state}>`,
  })),
  texts: [{ id: 't', x: 1, y: 1, text: 'a & b', tone: 'faint', anchor: 'end' }],
  caption: 'Caption <1>',
  description: ['One & two.'],
};

describe('the exported picture', () => {
  it('is well-formed whatever the texts are, and needs nothing else', () => {
    const svg = diagramSvg(nasty, colours, 'T <&>', 'origin & time');
    wellFormed(svg);
    expect(svg).not.toContain('var(');
    expect(svg).not.toMatch(/class=|style=|href|<script/);
    expect(Array.from(svg).every((letter) => letter >= ' ' || letter === '\n')).toBe(true);
    expect(svg).toContain('&lt;script&gt;');
    expect(svg).toContain('<desc>One &amp; two.</desc>');
    expect(svg).toContain('origin &amp; time');
    expect(svg).not.toMatch(/undefined|NaN/);
  });

  it('keeps letters beyond ASCII', () => {
    expect(escapeXml('é漢😀')).toBe('é漢😀');
    expect(escapeXml('lone \ud800 half')).toBe('lone  half');
  });

  it.each(CONCEPTS.map((concept) => [concept.id, concept] as const))('%s: picture and text, with time and cluster', (_, concept) => {
    const state = learnState({ sent: [sentRecord()] });
    const diagram = concept.diagram(state, 760);
    const svg = diagramSvg(diagram, colours, concept.title, 'x');
    wellFormed(svg);
    const page = { concept, state, diagram, settings: [{ name: 'a|b', value: null, whose: 'topic', says: 'x' }] };
    const markdown = learnMarkdown(page);
    expect(markdown).toMatch(new RegExp(`^# ${concept.title}\\n`));
    expect(markdown).toContain(diagram.caption);
    for (const line of diagram.description) expect(markdown).toContain(line);
    expect(markdown).toContain('| a\\|b | ? (topic) | x |');
    expect(markdown).toContain('cluster id abc<&>"def, 14 Nov 2023');
    const html = learnHtml(page, svg, colours);
    expect(html).toContain('cluster id abc&lt;&amp;&gt;&quot;def');
    expect(html).not.toMatch(/<\?xml|var\(|https?:\/\/(?!www\.w3\.org)/);
  });
});
