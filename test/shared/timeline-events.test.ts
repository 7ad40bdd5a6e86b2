/** Types of timeline events by their definitions. */
import { expect, it, test } from 'vitest';
import { isTimelineEventType } from '../../shared/models/timeline.ts';
import { EVENTS } from '../../shared/timeline/events.ts';
import { INJECTED, OUT_OF_SERVICE, PROCESS_ENDS, PROCESS_RESUMES, eventDefinition } from '../../shared/timeline/event-types.ts';

const TYPES = Object.keys(EVENTS);

test.each(TYPES)('%s has a name of subject and past tense, and a sentence without any field', (type) => {
  expect(type).toMatch(/^[a-z]+\/[a-z][a-zA-Z]+$/);
  const text = eventDefinition(type)?.describe({ id: 1, at: 0, node: null }) ?? '';
  expect(text).not.toBe('');
  expect(text).not.toMatch(/undefined|null|NaN/);
});

it('knows its own types only', () => {
  expect(TYPES.every(isTimelineEventType)).toBe(true);
  expect(['cluster/brokerVanished', 'constructor', 'toString'].some(isTimelineEventType)).toBe(false);
});

it('groups the types by their role', () => {
  expect([...PROCESS_ENDS].sort()).toEqual(['lab/nodeKilled', 'lab/nodeStopped', 'lab/powerCut', 'node/failed']);
  expect([...OUT_OF_SERVICE].sort()).toEqual([...PROCESS_ENDS, 'lab/nodeFrozen'].sort());
  expect([...PROCESS_RESUMES].sort()).toEqual(['lab/nodeStarted', 'lab/nodeThawed']);
  // A process that fails by itself is a failure, not an injected fault.
  expect([...OUT_OF_SERVICE].filter((type) => !INJECTED.has(type))).toEqual(['node/failed']);
});
