import { maxOf, minOf } from '#shared/lists';
/** The layout of the Lab's picture: brokers on an ellipse, clients in the middle, links as curves around it. */

export interface Point {
  x: number;
  y: number;
}

export interface CardSize {
  kind: 'full' | 'compact' | 'tiny';
  width: number;
  height: number;
  /** Topics that have a row. */
  rows: number;
}

export interface LabLayout {
  width: number;
  height: number;
  card: CardSize;
  /** Centres, in the order of the brokers. */
  brokers: Point[];
  clients: Point & { radius: number };
}

const ROW = 19;
const full = (width: number, rows: number): CardSize => ({ kind: 'full', width, height: 48 + (rows + 1) * ROW, rows });
/** Largest first; the first one that fits is taken. */
const SIZES: CardSize[] = [
  ...[6, 5, 4, 3].map((rows) => full(232, rows)),
  ...[5, 4, 3, 2].map((rows) => full(204, rows)),
  ...[3, 2].map((rows) => full(176, rows)),
  { kind: 'compact', width: 156, height: 66, rows: 0 },
  { kind: 'compact', width: 128, height: 66, rows: 0 },
  { kind: 'tiny', width: 104, height: 46, rows: 0 },
];
const MARGIN = 14;
/** Between cards; small cards may stand closer. */
const GAPS: Record<CardSize['kind'], number> = { full: 22, compact: 18, tiny: 10 };
const CLIENTS_RADIUS = 30;

/** Clockwise from the upper left, so that broker 1 is read first and the upper edge is level. */
function angles(count: number): number[] {
  if (count === 1) return [-Math.PI / 2];
  const start = -Math.PI / 2 - Math.PI / count;
  return Array.from({ length: count }, (_, i) => start + (i * 2 * Math.PI) / count);
}

export function layoutLab(count: number, width: number, height: number, topics: number): LabLayout {
  // All in sight: no line for the rest.
  const sizes = SIZES.filter(({ kind, rows }) => kind !== 'full' || rows <= Math.max(2, topics)).map((card) =>
    card.kind === 'full' && card.rows >= Math.max(1, topics) ? { ...card, height: card.height - ROW } : card,
  );
  for (const card of sizes) {
    const layout = place(count, width, height, card);
    if (fits(layout)) return layout;
  }
  return place(count, width, height, SIZES[SIZES.length - 1] as CardSize);
}

function place(count: number, width: number, height: number, card: CardSize): LabLayout {
  const around = angles(count);
  // The ellipse that brings the outermost cards to the edges: three brokers use the whole height too.
  const reach = (at: (angle: number) => number): [number, number] => [minOf(around.map(at), 0), maxOf(around.map(at), 0)];
  const [left, right] = reach(Math.cos);
  const [top, bottom] = reach(Math.sin);
  const spread = (room: number, from: number, to: number): number => (to - from < 0.01 ? 0 : room / (to - from));
  // Not wider than it takes: links of a few centimetres are read more easily than of the whole screen's width.
  const rx = Math.min(spread(width - card.width - 2 * MARGIN, left, right), count <= 3 ? 330 : 480);
  const ry = Math.min(spread(height - card.height - 2 * MARGIN, top, bottom), count <= 3 ? 250 : 340);
  const centre = { x: width / 2 - (rx * (left + right)) / 2, y: height / 2 - (ry * (top + bottom)) / 2 };
  const brokers = around.map((angle) => ({ x: centre.x + rx * Math.cos(angle), y: centre.y + ry * Math.sin(angle) }));
  return { width, height, card, brokers, clients: { ...centre, radius: CLIENTS_RADIUS } };
}

/** No card touches another, the clients or the edge. */
export function fits({ width, height, card, brokers, clients }: LabLayout): boolean {
  const gap = GAPS[card.kind];
  return brokers.every((one, i) => {
    if (one.x - card.width / 2 < MARGIN - 1 || one.x + card.width / 2 > width - MARGIN + 1) return false;
    if (one.y - card.height / 2 < MARGIN - 1 || one.y + card.height / 2 > height - MARGIN + 1) return false;
    const dx = Math.max(0, Math.abs(one.x - clients.x) - card.width / 2);
    const dy = Math.max(0, Math.abs(one.y - clients.y) - card.height / 2);
    if (Math.hypot(dx, dy) < clients.radius + gap) return false;
    return brokers.slice(i + 1).every((other) => {
      const apartX = Math.abs(one.x - other.x) - card.width;
      const apartY = Math.abs(one.y - other.y) - card.height;
      return apartX >= gap || apartY >= gap;
    });
  });
}

export interface LinkPath {
  /** An SVG path from the edge of the first end to that of the second. */
  d: string;
  from: Point;
  to: Point;
  /** Halfway along, where a label stands. */
  middle: Point;
  /** Direction of the curve at its middle, in degrees. */
  turn: number;
}

/** A curve between two brokers that leaves the clients in the middle alone. */
export function brokerLink(layout: LabLayout, i: number, j: number): LinkPath {
  const a = layout.brokers[i] as Point;
  const b = layout.brokers[j] as Point;
  const { clients } = layout;
  const clear = clients.radius + 26;
  const distance = distanceTo(clients, a, b);
  let control = { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
  if (distance < clear) {
    const length = Math.max(1, Math.hypot(b.x - a.x, b.y - a.y));
    const normal = { x: -(b.y - a.y) / length, y: (b.x - a.x) / length };
    const side = (control.x - clients.x) * normal.x + (control.y - clients.y) * normal.y;
    // The middle of a quadratic curve lies halfway to its control point. A link straight across goes round above.
    const away = Math.abs(side) > 1 ? Math.sign(side) : normal.y > 0 ? -1 : 1;
    const push = 2 * (clear - Math.abs(side));
    control = { x: control.x + normal.x * away * push, y: control.y + normal.y * away * push };
  }
  return curve(edge(a, control, layout.card), control, edge(b, control, layout.card));
}

export function clientLink(layout: LabLayout, i: number): LinkPath {
  const broker = layout.brokers[i] as Point;
  const { clients } = layout;
  const length = Math.max(1, Math.hypot(broker.x - clients.x, broker.y - clients.y));
  const start = {
    x: clients.x + ((broker.x - clients.x) / length) * clients.radius,
    y: clients.y + ((broker.y - clients.y) / length) * clients.radius,
  };
  const end = edge(broker, clients, layout.card);
  return curve(end, { x: (start.x + end.x) / 2, y: (start.y + end.y) / 2 }, start);
}

function curve(from: Point, control: Point, to: Point): LinkPath {
  const middle = { x: (from.x + 2 * control.x + to.x) / 4, y: (from.y + 2 * control.y + to.y) / 4 };
  const at = ({ x, y }: Point): string => `${x.toFixed(1)} ${y.toFixed(1)}`;
  return {
    d: `M${at(from)}Q${at(control)} ${at(to)}`,
    from,
    to,
    middle,
    turn: (Math.atan2(to.y - from.y, to.x - from.x) * 180) / Math.PI,
  };
}

/** Where one is after that share (0 to 1) of the link. */
export const alongLink = ({ from, to, middle }: LinkPath, t: number): Point => ({
  x: from.x + (to.x - from.x) * t + (middle.x - (from.x + to.x) / 2) * 4 * t * (1 - t),
  y: from.y + (to.y - from.y) * t + (middle.y - (from.y + to.y) / 2) * 4 * t * (1 - t),
});

/** Where the line from a card's centre towards a point leaves the card. */
function edge(centre: Point, towards: Point, card: { width: number; height: number }): Point {
  const dx = towards.x - centre.x;
  const dy = towards.y - centre.y;
  const scale = Math.min(dx === 0 ? Infinity : card.width / 2 / Math.abs(dx), dy === 0 ? Infinity : card.height / 2 / Math.abs(dy), 1);
  return { x: centre.x + dx * scale, y: centre.y + dy * scale };
}

function distanceTo(point: Point, a: Point, b: Point): number {
  const length = Math.hypot(b.x - a.x, b.y - a.y);
  if (length === 0) return Math.hypot(point.x - a.x, point.y - a.y);
  return Math.abs((b.x - a.x) * (a.y - point.y) - (a.x - point.x) * (b.y - a.y)) / length;
}
