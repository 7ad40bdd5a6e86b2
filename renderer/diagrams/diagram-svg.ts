/**
 * A diagram as an SVG file that needs nothing else: colours written out, fonts by family, no style sheet, no script. The roles are
 * those of the theme in which it is seen.
 */
import type { Diagram, DiagramBox, DiagramCell, DiagramEdge, DiagramGlyph, DiagramTone } from './diagram.ts';
import { CELL_HEIGHT, edgeShape, fitText, labelWidth, lineY, PAD, placeCells, round, titleY } from './diagram-draw.ts';
import { glyphPaths } from '../matrix/glyphs.ts';

export const ROLES = [
  'bg',
  'surface',
  'raised',
  'sunk',
  'line',
  'line-strong',
  'text',
  'muted',
  'faint',
  'accent',
  'accent-ink',
  'ok',
  'warn',
  'bad',
  'control',
  'flow',
] as const;
export type Colours = Record<(typeof ROLES)[number], string>;

const UI = "Inter, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif";
const MONO = "'JetBrains Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace";
const GLYPH = 14;
const CAPTION = 40;

/** Text in an attribute or between tags; what XML forbids outright is left out. */
export function escapeXml(text: string): string {
  return text
    .replace(/[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu, '')
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
    .replace(/"/g, '&quot;');
}

export const textRole = (tone: DiagramTone | undefined): keyof Colours => (tone === undefined || tone === 'plain' ? 'muted' : tone);
export const strokeRole = (tone: DiagramTone): keyof Colours => (tone === 'plain' ? 'line-strong' : tone === 'faint' ? 'line' : tone);

/** `note` stands under the caption: when, and of which cluster. */
export function diagramSvg(diagram: Diagram, colours: Colours, title: string, note: string): string {
  const height = diagram.height + CAPTION;
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${round(diagram.width)}" height="${round(height)}" viewBox="0 0 ${round(diagram.width)} ${round(height)}" role="img" font-family="${UI}" font-size="11">`,
    `<title>${escapeXml(title)}</title>`,
    `<desc>${escapeXml(diagram.description.join(' '))}</desc>`,
    `<rect width="100%" height="100%" fill="${colours.surface}"/>`,
    ...diagram.edges.map((edge) => drawEdge(diagram, edge, colours)),
    ...diagram.boxes.map((box) => drawBox(box, colours)),
    ...(diagram.glyphs ?? []).map((glyph) => drawGlyph(glyph, colours)),
    ...(diagram.texts ?? []).map(({ x, y, text, tone, anchor }) => words(x, y, text, colours[textRole(tone)], { anchor })),
    words(PAD * 2, diagram.height + 8, diagram.caption, colours.muted),
    words(PAD * 2, diagram.height + 26, note, colours.faint),
    '</svg>',
  ];
  return `<?xml version="1.0" encoding="UTF-8"?>\n${parts.filter((part) => part !== '').join('\n')}\n`;
}

interface TextStyle {
  anchor?: 'start' | 'middle' | 'end' | undefined;
  size?: number;
  weight?: number;
  mono?: boolean;
}

function words(x: number, y: number, text: string, fill: string, style: TextStyle = {}): string {
  if (text === '') return '';
  const attributes = [
    `x="${round(x)}" y="${round(y)}" fill="${fill}"`,
    style.anchor === undefined || style.anchor === 'start' ? '' : ` text-anchor="${style.anchor}"`,
    style.size === undefined ? '' : ` font-size="${style.size}"`,
    style.weight === undefined ? '' : ` font-weight="${style.weight}"`,
    style.mono === true ? ` font-family="${MONO}"` : '',
  ];
  return `<text ${attributes.join('')}>${escapeXml(text)}</text>`;
}

function drawEdge(diagram: Diagram, edge: DiagramEdge, colours: Colours): string {
  const shape = edgeShape(diagram, edge);
  if (shape === null) return '';
  const stroke = colours[strokeRole(edge.cut === true ? 'bad' : edge.tone)];
  const dash = edge.cut === true ? ' stroke-dasharray="3 5"' : edge.dashed === true ? ' stroke-dasharray="4 3"' : '';
  const line = `<path d="${shape.d}" fill="none" stroke="${stroke}" stroke-width="1.5"${dash}/>`;
  const { x, y } = shape.middle;
  const cross =
    edge.cut === true
      ? `<path d="M${round(x - 4)} ${round(y - 4)}l8 8m0 -8l-8 8" fill="none" stroke="${colours.bad}" stroke-width="2" stroke-linecap="round"/>`
      : '';
  if (edge.label === undefined || edge.label === '') return line + cross;
  const width = labelWidth(edge.label);
  const at = shape.label;
  return `${line}${cross}<rect x="${round(at.x - width / 2)}" y="${round(at.y - 24)}" width="${round(width)}" height="16" rx="4" fill="${colours.surface}"/>${words(at.x, at.y - 12, edge.label, colours[textRole(edge.tone)], { anchor: 'middle' })}`;
}

function drawBox(box: DiagramBox, colours: Colours): string {
  const dash = box.dashed === true ? ' stroke-dasharray="4 3"' : '';
  const fill = box.solid === true ? colours[strokeRole(box.tone)] : box.dashed === true ? colours.surface : colours.raised;
  const quiet = box.cells !== undefined;
  const noteWidth = box.note === undefined ? 0 : labelWidth(box.note);
  const inner = box.width - 2 * PAD;
  return [
    `<g transform="translate(${round(box.x)} ${round(box.y)})">`,
    `<title>${escapeXml(box.said)}</title>`,
    `<rect width="${round(box.width)}" height="${round(box.height)}" rx="${box.solid === true ? 2 : 8}" fill="${fill}" stroke="${colours[strokeRole(box.tone)]}"${dash}/>`,
    box.title === undefined
      ? ''
      : quiet
        ? words(PAD, titleY, fitText(box.title, inner - noteWidth), colours.muted)
        : words(PAD, titleY, fitText(box.title, inner - noteWidth, 'title'), colours.text, { size: 13, weight: 600 }),
    box.note === undefined ? '' : words(box.width - PAD, titleY, box.note, colours[textRole(box.noteTone)], { anchor: 'end' }),
    ...(box.lines ?? []).map(({ text, tone }, i) => words(PAD, lineY(box, i), fitText(text, inner), colours[textRole(tone)])),
    ...placeCells(box).map(({ cell, x, y, width }) => drawCell(cell, x, y, width, colours)),
    '</g>',
  ].join('');
}

function drawCell(cell: DiagramCell, x: number, y: number, width: number, colours: Colours): string {
  const filled = cell.tone === 'accent';
  const stroke = cell.tone === 'plain' || cell.tone === 'faint' ? colours.line : colours[strokeRole(cell.tone)];
  const ink = filled ? colours['accent-ink'] : cell.tone === 'plain' ? colours.text : colours[textRole(cell.tone)];
  return [
    `<rect x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${CELL_HEIGHT}" rx="3" fill="${filled ? colours.accent : colours.sunk}" stroke="${stroke}"${cell.tone === 'faint' ? ' stroke-dasharray="2 2"' : ''}/>`,
    words(x + width / 2, y + 15, cell.text, ink, { anchor: 'middle', mono: true }),
    cell.mark === undefined
      ? ''
      : words(x + width / 2, y + CELL_HEIGHT + 12, cell.mark, colours[textRole(cell.tone)], { anchor: 'middle' }),
  ].join('');
}

const GLYPH_ROLE: Record<DiagramGlyph['state'], keyof Colours> = {
  leader: 'accent',
  inSync: 'accent',
  lagging: 'warn',
  offline: 'bad',
  electing: 'muted',
  unknown: 'faint',
};

/** The paths of one glyph around its middle, as every page draws it. */
export function glyphShape(state: DiagramGlyph['state']): { d: string; fill: boolean; dashed: boolean }[] {
  return Object.entries(glyphPaths([state], { step: GLYPH, line: GLYPH, radius: 5, perLine: 1 })).map(([kind, d]) => ({
    d,
    fill: kind === 'leader' || kind === 'half',
    dashed: kind === 'electing',
  }));
}

function drawGlyph(glyph: DiagramGlyph, colours: Colours): string {
  const colour = colours[GLYPH_ROLE[glyph.state]];
  const paths = glyphShape(glyph.state).map(
    ({ d, fill, dashed }) =>
      `<path d="${d}" fill="${fill ? colour : 'none'}" stroke="${colour}" stroke-width="1.5"${dashed ? ' stroke-dasharray="2 2.2"' : ''}/>`,
  );
  return `<g transform="translate(${round(glyph.x - GLYPH / 2)} ${round(glyph.y - GLYPH / 2)})"><title>${escapeXml(glyph.said)}</title>${paths.join('')}</g>`;
}
