/** Invariants of every page: unique numbers, diagrams at any state and width, descriptions, and "?" for unknown values. */
import { describe, expect, it } from 'vitest';
import { edgeShape, placeCells } from '../../../renderer/diagrams/diagram-draw.ts';
import { CONCEPTS } from '../../../renderer/learn/concepts.ts';
import type { LearnState } from '../../../renderer/learn/concept.ts';
import { brokerRow, learnState, partitionRow, sentRecord, topicRow } from './learn-fixture.ts';

const dead = topicRow({
  partitions: [0, 1, 2].map((partition) =>
    partitionRow(partition, {
      leader: null,
      leaderEpoch: null,
      isr: [],
      startOffset: null,
      endOffset: null,
      sizeBytes: null,
      replicas: [1, 2, 3].map((broker) => ({ broker, state: 'offline' })),
    }),
  ),
  records: null,
  sizeBytes: null,
});
const nothingKnown: Partial<LearnState> = {
  clusterId: null,
  controllerId: null,
  brokers: [1, 2, 3].map((id) =>
    brokerRow(id, {
      state: 'unreachable',
      since: null,
      leaders: null,
      replicas: null,
      inSync: null,
      sessionAgeMs: null,
      sessionTimeoutMs: null,
      logBytes: null,
      disk: null,
      lab: null,
      quorumRole: null,
      isController: false,
    }),
  ),
};
const many = topicRow({ partitions: Array.from({ length: 40 }, (_, partition) => partitionRow(partition, { endOffset: '123456789012' })) });
const STATES: [string, LearnState][] = [
  ['healthy', learnState()],
  ['with records', learnState({ sent: [sentRecord(), sentRecord({ key: null, partition: 0, offset: '9' })] })],
  ['refused', learnState({ sent: [sentRecord({ error: 'NOT_ENOUGH_REPLICAS', partition: null, offset: null })] })],
  ['no topic', learnState({ topic: null })],
  ['before the first answer', learnState({ topic: null, brokers: [], asOf: 0, ...nothingKnown })],
  ['nothing answers', learnState({ topic: dead, ...nothingKnown })],
  ['many partitions', learnState({ topic: many, sent: [sentRecord({ partition: 30 }), sentRecord({ partition: 2 })] })],
  ['nine brokers', learnState({ brokers: Array.from({ length: 9 }, (_, i) => brokerRow(i + 1)) })],
  ['a remote cluster', learnState({ embedded: false, own: false, topic: topicRow({ name: 'payments' }) })],
];

it('concepts have unique ids and consecutive numbers', () => {
  const numbers = CONCEPTS.map(({ number }) => number);
  expect([...numbers].sort((a, b) => a - b)).toEqual(numbers);
  expect(new Set(numbers).size).toBe(numbers.length);
  expect(new Set(CONCEPTS.map(({ id }) => id)).size).toBe(CONCEPTS.length);
});

describe.each(CONCEPTS.map((concept) => [concept.id, concept] as const))('%s', (_, concept) => {
  it.each(STATES)('%s: the diagram is within its width, with unique ids, and every edge between boxes', (_name, state) => {
    for (const width of [380, 474, 620, 778, 1_100]) {
      const diagram = concept.diagram(state, width);
      const ids = [...diagram.boxes, ...diagram.edges, ...(diagram.glyphs ?? [])].map(({ id }) => id);
      expect(new Set(ids).size).toBe(ids.length);
      expect(diagram.width).toBeLessThanOrEqual(width);
      for (const box of diagram.boxes) {
        expect(box.x).toBeGreaterThanOrEqual(0);
        expect(box.x + box.width, box.id).toBeLessThanOrEqual(diagram.width + 1);
        expect(box.y).toBeGreaterThanOrEqual(0);
        expect(box.y + box.height, box.id).toBeLessThanOrEqual(diagram.height + 1);
        expect(box.said).not.toBe('');
        for (const { x, width: cell } of placeCells(box)) expect(x + cell, `${box.id} at ${width}`).toBeLessThanOrEqual(box.width);
      }
      for (const edge of diagram.edges) expect(edgeShape(diagram, edge), edge.id).not.toBeNull();
      const edges = new Set(diagram.edges.map(({ id }) => id));
      for (const pulse of diagram.pulses ?? []) expect(edges, pulse.edge).toContain(pulse.edge);
      expect(JSON.stringify(diagram)).not.toMatch(/NaN|undefined|null,/);
    }
  });

  it.each(STATES)('%s: the description has no undefined value', (_name, state) => {
    const { description, caption } = concept.diagram(state, 700);
    expect(description.length).toBeGreaterThan(0);
    const texts = [
      ...description,
      caption,
      ...concept.wrong(state),
      concept.check.done(state) ?? '',
      ...concept.links(state).map(({ label }) => label),
    ];
    for (const line of texts) expect(line).not.toMatch(/undefined|null|NaN|!/);
    for (const link of concept.links(state)) expect(link.to).toMatch(/^\//);
  });

  it('shows unknown offsets as "?"', () => {
    const { description, boxes } = concept.diagram(learnState({ topic: dead, ...nothingKnown }), 700);
    for (const box of boxes) {
      if (box.data?.['end'] !== undefined) expect(box.data['end']).toBe('?');
      if (box.data?.['leader'] !== undefined) expect(box.data['leader']).toBe('none');
    }
    expect(description.join(' ')).not.toMatch(/offset 0\b/);
  });

  it('has a check that is not done at first', () => {
    expect(concept.check.done(learnState())).toBeNull();
    expect(concept.check.task).toMatch(/\.$/);
  });
});
