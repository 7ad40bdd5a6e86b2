/** Writes a page of Learn into a file: the picture, the text, or both, in the colours in which it is seen. */
import { learnHtml, learnMarkdown, originOf, type PageExport } from '../learn/export.ts';
import { diagramSvg, ROLES, type Colours } from '../diagrams/diagram-svg.ts';
import { saveText } from '../browser/save.ts';

export type ExportKind = 'html' | 'svg' | 'markdown';

/** What the roles are now, from the style sheet. */
export function currentColours(): Colours {
  const style = getComputedStyle(document.documentElement);
  return Object.fromEntries(ROLES.map((role) => [role, style.getPropertyValue(`--${role}`).trim()])) as Colours;
}

export function saveLearnPage(page: PageExport, kind: ExportKind): void {
  const name = `learn-${page.concept.id}`;
  if (kind === 'markdown') {
    saveText(`${name}.md`, learnMarkdown(page), 'text/markdown');
    return;
  }
  const colours = currentColours();
  const svg = diagramSvg(page.diagram, colours, page.concept.title, originOf(page.state));
  if (kind === 'svg') saveText(`${name}.svg`, svg, 'image/svg+xml');
  else saveText(`${name}.html`, learnHtml(page, svg, colours), 'text/html');
}
