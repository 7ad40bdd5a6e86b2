/** Text for the event with its chain, or the span, under the pointer. */
import type { TimelineEvent } from '#shared/models/timeline';
import { causeOf, type CauseIndex } from './causes.ts';
import type { Span } from './lane-spans.ts';
import { formatClockSeconds, formatDelta, formatSpan } from '../format/numbers.ts';
import { describeEvent, describeReason } from './timeline.ts';

export interface Tip {
  title: string;
  /** Null: it is of a span. */
  event: TimelineEvent | null;
  lines: string[];
  /** The chain that the event belongs to, its beginning. */
  steps: TimelineEvent[];
  /** How many more there are. */
  more: number;
}

const MAX_STEPS = 7;

export function tipOfEvent(event: TimelineEvent, chain: readonly TimelineEvent[], causes: CauseIndex): Tip {
  const cause = causeOf(event, causes);
  const reason = describeReason(event);
  const steps = chain.length > 1 ? chain.slice(0, MAX_STEPS) : [];
  return {
    title: describeEvent(event),
    event,
    lines: [
      ...(reason === null ? [] : [reason]),
      ...(cause === null
        ? []
        : [
            `+${formatDelta(event.at - cause.at)} after ${describeEvent(cause)}${event.causeIsPossible === true ? ' (possible cause)' : ''}`,
          ]),
    ],
    steps,
    more: steps.length === 0 ? 0 : chain.length - steps.length,
  };
}

export function tipOfSpan(label: string, span: Span, window: { from: number; until: number }): Tip {
  const known = span.from > window.from;
  const lasted = `${formatSpan((span.until ?? window.until) - span.from)}${span.until === null ? ' so far' : ''}`;
  return {
    title: `${label}: ${span.word}`,
    event: null,
    lines: [known ? `since ${formatClockSeconds(span.from)}, ${lasted}` : 'since before'],
    steps: [],
    more: 0,
  };
}
