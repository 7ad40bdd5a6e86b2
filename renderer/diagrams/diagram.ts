/**
 * A live flowchart as plain data. A page's diagram is a pure function from the state of the cluster to this; the same value is
 * drawn on the screen, exported as SVG, and described in text. Its values were read from the cluster, or are "?".
 */

export type DiagramTone = 'plain' | 'accent' | 'flow' | 'ok' | 'warn' | 'bad' | 'control' | 'faint';

export interface DiagramBox {
  /** Stable while it is the same thing, so that it moves instead of being replaced: `broker-2`, `orders-0`. */
  id: string;
  x: number;
  y: number;
  width: number;
  height: number;
  tone: DiagramTone;
  /** Broken line: down, frozen, not there. */
  dashed?: boolean;
  /** Filled with its tone: a bar that shows how much. */
  solid?: boolean;
  title?: string;
  /** At the right of the title. */
  note?: string;
  noteTone?: DiagramTone;
  /** Under the title. */
  lines?: readonly { text: string; tone?: DiagramTone }[];
  /** Small squares in a row: the offsets of a log. `mark` is drawn beneath. */
  cells?: readonly DiagramCell[];
  /** One clause for a screen reader and the tooltip. */
  said: string;
  /** Where it can be seen at work in the app. */
  to?: string;
  /** What it stands for, as figures that a reader can hold against the cluster: `leader`, `isr`, `end` … become `data-` attributes. */
  data?: Readonly<Record<string, string>>;
}

export interface DiagramCell {
  id: string;
  text: string;
  tone: DiagramTone;
  mark?: string;
}

export interface DiagramEdge {
  id: string;
  /** Ids of boxes. */
  from: string;
  to: string;
  /** Where on the box it ends, from its left edge, for an edge that comes from above or below; absent: in the middle. */
  fromX?: number;
  toX?: number;
  tone: DiagramTone;
  dashed?: boolean;
  /** Crossed out. */
  cut?: boolean;
  label?: string;
  /** Records per second that were measured on it; null or absent: nothing is known to flow. */
  perSecond?: number | null;
}

/** Something that has just happened once, on its way along an edge: a record that was acknowledged. */
export interface DiagramPulse {
  /** Grows; each is drawn once. */
  id: number;
  edge: string;
  label: string;
  tone: DiagramTone;
  reverse?: boolean;
}

export interface DiagramGlyph {
  id: string;
  x: number;
  y: number;
  state: 'leader' | 'inSync' | 'lagging' | 'offline' | 'electing' | 'unknown';
  said: string;
}

export interface Diagram {
  width: number;
  height: number;
  boxes: readonly DiagramBox[];
  edges: readonly DiagramEdge[];
  glyphs?: readonly DiagramGlyph[];
  /** Free text. */
  texts?: readonly { id: string; x: number; y: number; text: string; tone?: DiagramTone; anchor?: 'start' | 'middle' | 'end' }[];
  pulses?: readonly DiagramPulse[];
  /** What happened to the last thing that was done, one step after another; for who sees no motion, and for who missed it. */
  steps?: { title: string; of: readonly string[] };
  /** Under the picture: of what, and what stands out ("Topic orders, as it is now in the embedded cluster. High watermark 51."). */
  caption: string;
  /** The same in sentences, made of the same state: what a reader who does not see it needs. */
  description: readonly string[];
}
