/**
 * The automated accessibility check: axe on the page as it stands, in its own browser. Its source is evaluated by the browser's
 * debugger, which no content policy binds; the page's own policy stays as strict as it is shipped.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { AxeResults, RunOptions } from 'axe-core';
import type { Page } from 'playwright-core';

const SOURCE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const OPTIONS: RunOptions = {
  runOnly: { type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] },
  rules: {
    // Off by default in axe, though it is a criterion of WCAG 2.2 AA.
    'target-size': { enabled: true },
  },
  resultTypes: ['violations'],
};

/** What is wrong, one line an element: rule, where, why. Empty when nothing is. */
export async function violations(page: Page, options: RunOptions = OPTIONS): Promise<string[]> {
  if (!(await page.evaluate<boolean>(`'axe' in window`))) await page.evaluate(SOURCE);
  const results = await page.evaluate<AxeResults>(`axe.run(document, ${JSON.stringify(options)})`);
  return results.violations.flatMap((violation) =>
    violation.nodes.map(
      (node) =>
        `${violation.id}: ${node.target.join(' ')}: ${[...node.any, ...node.all, ...node.none].map(({ message }) => message).join('; ')}`,
    ),
  );
}
