/** Time travel to a point in time and from event to event, with its keys: Escape on every page, [ and ] in the timeline. */
import { computed } from 'vue';
import { useEventListener } from '@vueuse/core';
import type { TimelineEvent } from '#shared/models/timeline';
import { useTimeTravelStore } from '../stores/time-travel.ts';
import { useTimelineStore } from '../stores/timeline.ts';
import { useToastsStore } from '../stores/toasts.ts';
import { useClock } from './useNow.ts';

export function useTimeTravel() {
  const timeTravel = useTimeTravelStore();
  const timeline = useTimelineStore();
  const toasts = useToastsStore();
  const clock = useClock();

  /** Null: there is none that way. Of those that the filter shows. */
  function neighbour(way: 1 | -1): TimelineEvent | null {
    const at = timeTravel.at;
    if (at === null) return way === 1 ? null : (timeline.matching.at(-1) ?? null);
    const shown = timeline.matching;
    const here = shown.findIndex((event) => event.id === timeline.pickedId);
    // Several may be of one millisecond: they are passed one by one.
    if (here >= 0 && shown[here]?.at === at) return shown[here + way] ?? null;
    return (way === 1 ? shown.find((event) => event.at > at) : shown.findLast((event) => event.at < at)) ?? null;
  }
  const previous = computed(() => neighbour(-1));
  const next = computed(() => neighbour(1));

  async function goTo(at: number): Promise<void> {
    const error = await timeTravel.goTo(at);
    if (error !== null) toasts.addError(error);
  }

  async function goToEvent(event: TimelineEvent | null): Promise<void> {
    if (event === null) return;
    timeline.pickedId = event.id;
    await goTo(event.at);
  }

  /** Stops at the present time, or goes live. */
  function toggle(): void {
    if (timeTravel.at === null) void goTo(Date.now());
    else timeTravel.goLive();
  }

  return { timeTravel, clock, previous, next, goTo, goToEvent, toggle };
}

/** Where these keys already mean something. */
const TYPING = 'input, textarea, select, [contenteditable=true]';
const OPEN = '[role=dialog], [role=alertdialog], [role=menu]';

/** Once, in the frame around every page. */
export function useTimeTravelKeys(): void {
  const { timeTravel, previous, next, goToEvent } = useTimeTravel();
  useEventListener(window, 'keydown', (event) => {
    if (event.defaultPrevented) return;
    if ((event.target instanceof Element && event.target.matches(TYPING)) || document.querySelector(OPEN) !== null) return;
    // A key that types is a command only where the focus is in what it commands (WCAG 2.1.4).
    const inTimeline = event.target instanceof Element && event.target.closest('[data-travel]') !== null;
    if (event.key === '[' && inTimeline) void goToEvent(previous.value);
    else if (event.key === ']' && inTimeline) void goToEvent(next.value);
    else if (event.key === 'Escape' && timeTravel.travelling) timeTravel.goLive();
    else return;
    event.preventDefault();
  });
}
