/** What a page of the app states, read by its accessible structure: headings, tables by caption and column, figures by label, roles and names. */
import type { Page } from 'playwright-core';

export interface Cell {
  text: string;
  /** Accessible names of what is drawn in it. */
  labels: string[];
}

export interface PageText {
  title: string;
  /** The header with its chips. */
  header: string;
  /** Seconds; null: no broker has answered, or no number is shown. */
  age: string;
  statuses: string[];
  /** The sentence of the Overview about the whole cluster. */
  sentence: string;
  /** Figures of the line that a page may open with, each with its label after it. */
  line: string[];
  /** Cards of brokers: all of their text. */
  brokerCards: string[];
  /** Titles of panels with nothing to show. */
  empty: string[];
  navigation: string[];
  tabs: string[];
  /** Figures under their labels, in every list of them. */
  figures: { label: string; text: string }[];
  tables: { name: string; rows: ReadonlyMap<string, Cell>[] }[];
  /** Accessible names of everything that has one and is a cell of a matrix or a broker of the Lab's picture. */
  drawn: string[];
  attention: { what: string; why: string }[];
  incident: string[];
  promises: string[];
}

interface RawText extends Omit<PageText, 'tables'> {
  tables: { name: string; rows: { column: string; cell: Cell }[][] }[];
}

/** As text: these tests know no document. */
const READ = `(() => {
  const clean = (text) => (text ?? '').replace(/\\s+/g, ' ').trim();
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const texts = (selector, root) => all(selector, root).map((element) => clean(element.innerText)).filter((text) => text !== '');
  return {
    title: clean(document.querySelector('main h1 span')?.innerText),
    header: clean(document.querySelector('main h1')?.parentElement?.innerText),
    age: clean(document.querySelector('main header .age')?.innerText ?? document.querySelector('main button.refresh')?.innerText),
    statuses: texts('main [role=status]'),
    sentence: clean(document.querySelector('[aria-label="Cluster status"] [role=status]')?.innerText),
    line: texts('[aria-label="Cluster status"] li'),
    brokerCards: all('main ul > li').filter((item) => item.querySelector('dl') !== null).map((item) => clean(item.innerText)).filter((text) => text.startsWith('Broker ')),
    empty: texts('main section h2'),
    navigation: texts('nav[aria-label=Sections] a'),
    tabs: texts('main nav a, main [role=tablist] a'),
    figures: all('main dl > div').map((one) => ({ label: clean(one.querySelector('dt')?.innerText), text: clean([...(one.querySelector('dd')?.childNodes ?? [])].filter(({ nodeType }) => nodeType !== 8).map((node) => node.innerText ?? node.textContent).join(' ')) })),
    tables: all('main table').map((table) => {
      const columns = all('thead th', table).map((head) => clean(head.textContent));
      return {
        name: clean(table.caption?.textContent),
        rows: all('tbody tr:not([aria-hidden])', table).map((row) => [...row.cells].map((cell, i) => ({
          column: columns[i] ?? String(i),
          cell: { text: clean(cell.innerText), labels: all('[aria-label]', cell).map((one) => one.getAttribute('aria-label')) },
        }))),
      };
    }),
    drawn: all('main [aria-label]').map((one) => one.getAttribute('aria-label')),
    attention: all('[aria-label="Needs attention"] li').map((item) => ({ what: clean(item.querySelector('b')?.innerText ?? item.innerText), why: clean(item.querySelector('.why')?.innerText) })),
    incident: texts('footer [aria-label=Incident] span'),
    promises: texts('section[aria-labelledby=lab-guarantees] [role=status], section[aria-labelledby=lab-guarantees] p span'),
  };
})()`;

export async function readPage(page: Page): Promise<PageText> {
  const raw: RawText = await page.evaluate(READ);
  return {
    ...raw,
    tables: raw.tables.map(({ name, rows }) => ({ name, rows: rows.map((row) => new Map(row.map(({ column, cell }) => [column, cell]))) })),
  };
}

const FRESH_MS = 3_000;
const MAX_WAIT_MS = 2_000;
const MIN_WAIT_MS = 500;
const PAUSE_MS = 100;

/** Shows the page as a link would, and reads it once its figures are recent; where none come, after the most that they may take. */
export async function openPage(page: Page, path: string, title: string): Promise<PageText> {
  await page.evaluate(`location.hash = ${JSON.stringify(path)}`);
  await page.getByRole('heading', { level: 1 }).filter({ hasText: title }).waitFor();
  const from = performance.now();
  for (;;) {
    await page.waitForTimeout(PAUSE_MS);
    const text = await readPage(page);
    const waited = performance.now() - from;
    // What was on the screen before the page was opened is not an answer to it.
    if (waited > MAX_WAIT_MS || (waited > MIN_WAIT_MS && (ageMs(text.age) ?? Infinity) < FRESH_MS)) return text;
  }
}

/** Of `1.4 s ago`; null where it is another unit, which is older. */
export function ageMs(age: string): number | null {
  const seconds = /([\d.]+) s ago/.exec(age)?.[1];
  return seconds === undefined ? null : Number(seconds) * 1_000;
}
