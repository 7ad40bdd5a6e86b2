/** The arrows move the focus through what a picture has to be focused, in the document's order and round at its ends. */

/**
 * A listener for `keydown`. It takes an arrow only while one of what `selector` finds within is focused, so that a picture in which
 * nothing is leaves the arrows to the page.
 */
export function useArrowFocus(within: () => ParentNode | null, selector: string): (event: KeyboardEvent) => void {
  return (event) => {
    const forward = event.key === 'ArrowRight' || event.key === 'ArrowDown';
    if (!forward && event.key !== 'ArrowLeft' && event.key !== 'ArrowUp') return;
    const stops = [...(within()?.querySelectorAll<HTMLElement | SVGElement>(selector) ?? [])];
    const at = stops.findIndex((stop) => stop === document.activeElement);
    if (at < 0) return;
    event.preventDefault();
    stops[(at + (forward ? 1 : stops.length - 1)) % stops.length]?.focus();
  };
}
