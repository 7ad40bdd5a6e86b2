/** Tiles of the heat map on a canvas. A state has a colour and a mark of its own, so that none is shown by colour alone. */
import { leaderShare, tileState, type HeatPlan } from './heat-map.ts';
import type { ReplicaCounts } from '../topics/topic-facts.ts';

export interface HeatDrawing {
  lanes: readonly (readonly ReplicaCounts[])[];
  plan: HeatPlan;
  /** Of a lane with its gap, in CSS pixels. */
  laneStep: number;
  picked: { lane: number; tile: number } | null;
  /** A colour role's value. */
  role: (name: string) => string;
}

/** Leaders are a third of the replicas at replication factor 3: from two thirds on a tile is as strong as can be. */
const FULL_SHARE = 0.6;
const LEAST_ALPHA = 0.16;

export function drawTiles(context: CanvasRenderingContext2D, { lanes, plan, laneStep, picked, role }: HeatDrawing): void {
  const { pitch, columns } = plan;
  const size = pitch - 2;
  const colours = {
    accent: role('accent'),
    bad: role('bad'),
    warn: role('warn'),
    line: role('line'),
    faint: role('faint'),
    surface: role('surface'),
  };
  lanes.forEach((tiles, lane) => {
    tiles.forEach((counts, tile) => {
      const x = (tile % columns) * pitch;
      const y = lane * laneStep + Math.floor(tile / columns) * pitch;
      drawTile(context, { x, y, size }, counts, colours);
    });
  });
  if (picked === null) return;
  context.strokeStyle = role('text');
  context.lineWidth = 2;
  // Whole at the edges of the canvas, too.
  const x = Math.max(1, (picked.tile % columns) * pitch - 1);
  const y = Math.max(1, picked.lane * laneStep + Math.floor(picked.tile / columns) * pitch - 1);
  context.strokeRect(x, y, size + 1, size + 1);
}

type Colours = Record<'accent' | 'bad' | 'warn' | 'line' | 'faint' | 'surface', string>;
interface Square {
  x: number;
  y: number;
  size: number;
}

function drawTile(context: CanvasRenderingContext2D, { x, y, size }: Square, counts: ReplicaCounts, colours: Colours): void {
  const state = tileState(counts);
  context.globalAlpha = 1;
  context.lineWidth = 1;
  if (state === 'none') {
    context.fillStyle = colours.line;
    context.fillRect(x + size / 2 - 1, y + size / 2 - 1, 2, 2);
  } else if (state === 'inSync') {
    context.globalAlpha = LEAST_ALPHA + (1 - LEAST_ALPHA) * Math.min(1, leaderShare(counts) / FULL_SHARE);
    context.fillStyle = colours.accent;
    context.fillRect(x, y, size, size);
  } else if (state === 'unknown') {
    context.strokeStyle = colours.faint;
    strokeLines(context, [
      [x, y + size, x + size, y],
      [x, y + size / 2, x + size / 2, y],
      [x + size / 2, y + size, x + size, y + size / 2],
    ]);
  } else if (state === 'lagging') {
    context.strokeStyle = colours.warn;
    context.strokeRect(x + 0.5, y + 0.5, size - 1, size - 1);
    context.fillStyle = colours.warn;
    context.fillRect(x, y, size / 2, size);
  } else {
    context.fillStyle = colours.bad;
    context.fillRect(x, y, size, size);
    context.strokeStyle = colours.surface;
    context.lineWidth = 1.5;
    const edge = size * 0.28;
    // In a small tile a cross fills all of it.
    if (size < 10) strokeLines(context, [[x, y + size, x + size, y]]);
    else if (state === 'offline')
      strokeLines(context, [
        [x + edge, y + edge, x + size - edge, y + size - edge],
        [x + size - edge, y + edge, x + edge, y + size - edge],
      ]);
    else strokeLines(context, [[x + edge, y + size / 2, x + size - edge, y + size / 2]]);
  }
  context.globalAlpha = 1;
}

function strokeLines(context: CanvasRenderingContext2D, lines: readonly (readonly [number, number, number, number])[]): void {
  context.beginPath();
  for (const [fromX, fromY, toX, toY] of lines) {
    context.moveTo(fromX, fromY);
    context.lineTo(toX, toY);
  }
  context.stroke();
}
