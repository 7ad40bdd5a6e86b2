/** Walks a page with Tab alone: every control receives the focus in order, is visible while it has it, and does not trap it. */
import type { Page } from 'playwright-core';

/** Runs in the page. What a person can stop at, in the order of the document; of radio buttons of one name, one. */
const TABBABLE = `() => {
  const usable = 'a[href], button:not([disabled]), input:not([disabled]), select:not([disabled]), textarea:not([disabled]), [tabindex]';
  const seen = new Set();
  return [...document.querySelectorAll(usable)].filter((element) => {
    if (element.tabIndex < 0 || element.closest('[inert], [aria-hidden="true"]') !== null) return false;
    if (element.hasAttribute('data-reka-focus-guard') || element.getClientRects().length === 0) return false;
    if (getComputedStyle(element).visibility === 'hidden') return false;
    if (element.type !== 'radio') return true;
    const group = document.querySelector('input[name="' + element.name + '"]:checked') ?? element;
    if (group !== element || seen.has(element.name)) return false;
    seen.add(element.name);
    return true;
  });
}`;

/** Runs in the page: what is wrong with the element that has the focus; null when nothing is. */
const FAULT = `(element) => {
  const drawn = (one) => one instanceof Element && getComputedStyle(one).outlineStyle !== 'none' && parseFloat(getComputedStyle(one).outlineWidth) > 0;
  const halo = element.querySelector('.halo');
  const ring = [element, element.nextElementSibling, element.parentElement].some(drawn) || (halo !== null && getComputedStyle(halo).stroke !== 'none');
  if (!ring) return 'has the focus and does not show it';
  // Drawn by something below it, which the pointer meets.
  const through = getComputedStyle(element).pointerEvents === 'none' ? element.closest('svg') : null;
  const shown = element.type === 'radio' ? element.parentElement : element;
  const box = shown.getBoundingClientRect();
  const points = [0.5, 0.1, 0.9].flatMap((x) => [0.5, 0.15, 0.85, 0.02].map((y) => [box.left + box.width * x, box.top + box.height * y]));
  const hits = points.map(([x, y]) => document.elementFromPoint(x, y)).filter((hit) => hit !== null);
  if (!hits.some((hit) => shown.contains(hit) || through?.contains(hit) || hit.contains(shown) && hit.closest('.app, [role=dialog], .corner') === shown.closest('.app, [role=dialog], .corner'))) return 'has the focus where it is not seen, at ' + Math.round(box.left) + ' ' + Math.round(box.top) + ' behind ' + (hits[0]?.className ?? 'nothing');
  return null;
}`;

const NAME = `(element) => (element.getAttribute('aria-label') ?? element.textContent ?? '').replace(/\\s+/g, ' ').trim().slice(0, 50) + ' <' + element.tagName.toLowerCase() + '>'`;

interface Stop {
  /** Its place in the order of the document; −1: not one of those. */
  index: number;
  name: string;
  fault: string | null;
  landmark: string;
}

/** What is wrong with the walk, in words; empty when nothing is. */
export async function walk(page: Page): Promise<string[]> {
  await page.evaluate(`(() => {
    window.__stops = (${TABBABLE})();
    document.querySelector('.skip').focus();
  })()`);
  const total = await page.evaluate<number>('window.__stops.length');
  const problems: string[] = [];
  const reached = new Set<number>([0]);
  let before = 0;
  for (let press = 0; press < total + 10; press++) {
    await page.keyboard.press('Tab');
    const stop = await page.evaluate<Stop | null>(`(() => {
      const element = document.activeElement;
      if (element === null || element === document.body || element.classList.contains('skip')) return null;
      return {
        index: window.__stops.indexOf(element),
        name: (${NAME})(element),
        fault: (${FAULT})(element),
        landmark: element.closest('nav.side, main, #timeline, footer.strip, .corner')?.className ?? '',
      };
    })()`);
    // The focus has returned to the first control or left the page: there is no trap.
    if (stop === null) break;
    if (stop.fault !== null) problems.push(`${stop.name} ${stop.fault}`);
    // Rows that live may have come since the list was made: they are in order by themselves.
    if (stop.index >= 0) {
      // Some controls are two stops in one (the button in a choice of files).
      if (reached.has(stop.index) && stop.index !== before) {
        problems.push(`${stop.name} was reached twice: Tab goes in a circle`);
        break;
      }
      if (stop.index < before) problems.push(`${stop.name} comes after what stands behind it`);
      before = stop.index;
      reached.add(stop.index);
    }
  }
  const missed = await page.evaluate<string[]>(
    `window.__stops.filter((element, i) => element.isConnected && element.tabIndex >= 0 && !${JSON.stringify([...reached])}.includes(i)).map(${NAME})`,
  );
  return [...problems, ...missed.map((name) => `${name} was not reached`)];
}
