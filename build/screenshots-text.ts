/**
 * Run in a page: texts that are cut off without a way to read them, and texts that cover each other. A cell of a table that is cut off
 * shows its text to the pointer; of numbers nothing may be missing.
 */
export const TEXT_FAULTS = `(() => {
  const MAX_TEXTS = 2_500;
  const MAX_FAULTS = 20;
  const faults = new Set();
  const shorten = (text) => text.replace(/\\s+/g, ' ').slice(0, 60);
  const isSeen = (element) =>
    element !== null &&
    element.closest('.visually-hidden, option, script, style, [aria-hidden="true"] svg') === null &&
    getComputedStyle(element).visibility !== 'hidden';
  const texts = [];
  const nodes = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (nodes.nextNode() && texts.length < MAX_TEXTS) {
    const node = nodes.currentNode;
    const element = node.parentElement;
    const text = shorten(node.textContent.trim());
    if (text === '' || !isSeen(element)) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const { left, top, right, bottom, width } of range.getClientRects()) {
      if (width < 1) continue;
      const box = { left, top, right, bottom };
      let isCut = false;
      let canScroll = false;
      for (let around = element; around !== null && around !== document.body; around = around.parentElement) {
        const { overflowX, overflowY, display, position } = getComputedStyle(around);
        const edge = around.getBoundingClientRect();
        if (display !== 'inline' && overflowX !== 'visible') {
          canScroll ||= overflowX === 'auto' || overflowX === 'scroll';
          if (!canScroll && (box.right > edge.right + 1.5 || box.left < edge.left - 1.5)) isCut = true;
          box.left = Math.max(box.left, edge.left);
          box.right = Math.min(box.right, edge.right);
        }
        if (display !== 'inline' && overflowY !== 'visible') {
          box.top = Math.max(box.top, edge.top);
          box.bottom = Math.min(box.bottom, edge.bottom);
        }
        if (position === 'fixed') break;
      }
      const cell = element.closest('td');
      const isShownToPointer = element.closest('[title]') !== null || (cell !== null && !cell.classList.contains('end'));
      const isInStrip = element.closest('footer ol') !== null;
      if (isCut && !isShownToPointer && !isInStrip) faults.add('cuts off "' + text + '"');
      if (box.right - box.left > 1 && box.bottom - box.top > 2) texts.push({ text, element, ...box });
    }
  }
  const isFilled = (element) => !['transparent', 'rgba(0, 0, 0, 0)'].includes(getComputedStyle(element).backgroundColor);
  texts.forEach((one, i) => {
    for (const other of texts.slice(i + 1)) {
      const width = Math.min(one.right, other.right) - Math.max(one.left, other.left);
      const height = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
      if (width <= 2 || height <= 4 || one.element === other.element) continue;
      const stack = document.elementsFromPoint(
        Math.max(one.left, other.left) + width / 2,
        Math.max(one.top, other.top) + height / 2,
      );
      const [a, b] = [stack.indexOf(one.element), stack.indexOf(other.element)];
      // Where one of them is not painted, or is under a filled surface, nothing is covered that could be read.
      if (a < 0 || b < 0 || stack.slice(Math.min(a, b), Math.max(a, b)).some(isFilled)) continue;
      faults.add('writes "' + one.text + '" over "' + other.text + '"');
    }
  });
  return [...faults].slice(0, MAX_FAULTS);
})()`;
