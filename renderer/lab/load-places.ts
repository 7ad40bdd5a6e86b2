/** Positions of the loads in the picture: at its left and right edge, beside no card. */
import type { LabLayout } from './lab-layout.ts';

/** Of one load's lines. */
export const BLOCK = { width: 140, height: 66 } as const;
const EDGE = 14;
const GAP = 10;

export interface BlockPlace {
  x: number;
  y: number;
}

/** Top left corners for as many of `count` blocks as there is room for, the middle of the longest free stretch of the edge first used. */
export function placeBlocks(layout: LabLayout, side: 'left' | 'right', count: number): BlockPlace[] {
  const x = side === 'left' ? EDGE : layout.width - EDGE - BLOCK.width;
  const { card, clients } = layout;
  const taken = [
    ...layout.brokers.map((at) => ({ ...at, halfWidth: card.width / 2, halfHeight: card.height / 2 })),
    { ...clients, halfWidth: clients.radius, halfHeight: clients.radius },
  ]
    .filter((one) => one.x + one.halfWidth > x - GAP && one.x - one.halfWidth < x + BLOCK.width + GAP)
    .map((one) => ({ from: one.y - one.halfHeight - GAP, to: one.y + one.halfHeight + GAP }))
    .sort((a, b) => a.from - b.from);
  let free = { from: 0, to: 0 };
  let from = EDGE;
  for (const { from: start, to: end } of [...taken, { from: layout.height - EDGE, to: layout.height }]) {
    if (start - from > free.to - free.from) free = { from, to: start };
    from = Math.max(from, end);
  }
  const room = free.to - free.from;
  const fit = Math.min(count, Math.floor(room / BLOCK.height));
  // Where it is roomy they stay near the brokers' level: a lone line far below would belong to nothing.
  const top = free.from + Math.min((room - fit * BLOCK.height) / 2, BLOCK.height / 2);
  return Array.from({ length: fit }, (_, i) => ({ x, y: top + i * BLOCK.height }));
}
