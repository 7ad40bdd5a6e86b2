/** Exports a page of Learn: its text as Markdown, or text and picture as one self-contained HTML file. */
import type { Diagram } from '../diagrams/diagram.ts';
import { escapeXml, type Colours } from '../diagrams/diagram-svg.ts';
import { formatMoment } from '../format/numbers.ts';
import { richSegments } from '../format/rich.ts';
import { placeOf } from './concepts.ts';
import type { Concept, LearnState } from './concept.ts';

export interface PageExport {
  concept: Concept;
  state: LearnState;
  diagram: Diagram;
  /** The settings as shown on the screen. */
  settings: readonly { name: string; value: string | null; whose: string; says: string }[];
}

/** The last line of every export: cluster and time. */
export function originOf(state: LearnState): string {
  const when = state.asOf === 0 ? 'before the first response' : formatMoment(state.asOf);
  return `${state.connection === '' ? 'A cluster' : state.connection}, cluster id ${state.clusterId ?? '?'}, ${when}`;
}

interface Part {
  heading: string | null;
  paragraphs?: readonly string[];
  points?: readonly string[];
  table?: readonly (readonly string[])[];
}

function partsOf({ concept, state, diagram, settings }: PageExport): Part[] {
  const done = concept.check.done(state);
  return [
    { heading: null, paragraphs: concept.what },
    { heading: 'Guarantees', points: concept.promises },
    { heading: 'Failures', paragraphs: concept.wrong(state) },
    { heading: 'Description of the diagram', points: diagram.description, paragraphs: [diagram.caption] },
    ...(diagram.steps === undefined ? [] : [{ heading: diagram.steps.title, points: diagram.steps.of }]),
    {
      heading: 'Relevant settings',
      table: [
        ['Setting', 'Value', 'Effect'],
        ...settings.map(({ name, value, whose, says }) => [name, `${value ?? '?'} (${whose})`, says]),
      ],
    },
    { heading: 'Check yourself', paragraphs: [concept.check.task, ...(done === null ? [] : [`Done: ${done}`])] },
  ];
}

const cell = (text: string): string => text.replace(/\|/g, '\\|');

export function learnMarkdown(page: PageExport): string {
  const lines = [`# ${page.concept.title}`, '', placeOf(page.concept), ''];
  for (const { heading, paragraphs = [], points = [], table = [] } of partsOf(page)) {
    if (heading !== null) lines.push(`## ${heading}`, '');
    for (const paragraph of paragraphs) lines.push(paragraph, '');
    for (const point of points) lines.push(`- ${point}`);
    if (points.length > 0) lines.push('');
    table.forEach((row, i) => {
      lines.push(`| ${row.map(cell).join(' | ')} |`);
      if (i === 0) lines.push(`|${row.map(() => ' --- |').join('')}`);
    });
    if (table.length > 0) lines.push('');
  }
  lines.push(`_${originOf(page.state)}_`, '');
  return lines.join('\n');
}

const rich = (text: string): string =>
  richSegments(text)
    .map(({ kind, text: words }) =>
      kind === 'bold' ? `<strong>${escapeXml(words)}</strong>` : kind === 'code' ? `<code>${escapeXml(words)}</code>` : escapeXml(words),
    )
    .join('');

export function learnHtml(page: PageExport, svg: string, colours: Colours): string {
  const body = partsOf(page).map(({ heading, paragraphs = [], points = [], table = [] }) =>
    [
      heading === null ? '' : `<h2>${escapeXml(heading)}</h2>`,
      ...paragraphs.map((text) => `<p>${rich(text)}</p>`),
      points.length === 0 ? '' : `<ul>${points.map((text) => `<li>${rich(text)}</li>`).join('')}</ul>`,
      table.length === 0
        ? ''
        : `<table>${table
            .map(
              (row, i) =>
                `<tr>${row.map((text) => (i === 0 ? `<th>${escapeXml(text)}</th>` : `<td>${escapeXml(text)}</td>`)).join('')}</tr>`,
            )
            .join('')}</table>`,
    ].join('\n'),
  );
  const picture = svg.replace(/^<\?xml[^>]*\?>\s*/, '');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>${escapeXml(page.concept.title)}</title>
<style>
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; background: ${colours.bg}; color: ${colours.text}; font: 15px/1.5 Inter, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif; }
svg { max-width: 100%; height: auto; border: 1px solid ${colours.line}; border-radius: 6px; }
h2 { font-size: 1.1rem; margin: 1.6rem 0 0.4rem; }
p, ul { margin: 0.4rem 0; }
table { border-collapse: collapse; }
th, td { padding: 0.2rem 1rem 0.2rem 0; border-bottom: 1px solid ${colours.line}; text-align: left; vertical-align: top; }
code { font-family: 'JetBrains Mono', Menlo, Consolas, monospace; font-size: 0.9em; }
footer { margin-top: 2rem; color: ${colours.muted}; }
</style>
</head>
<body>
<h1>${escapeXml(page.concept.title)}</h1>
${picture}
${body.join('\n')}
<footer>${escapeXml(originOf(page.state))}</footer>
</body>
</html>
`;
}
