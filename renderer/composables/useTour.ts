/** The tour for its card: text of the step, its place on the page, and the actions of its buttons. */
import { computed, nextTick, onScopeDispose, watch } from 'vue';
import { useRoute, useRouter } from 'vue-router';
import { useIntervalFn } from '@vueuse/core';
import { TOUR_STEPS, topicsToTake } from '../tour/tour.ts';
import { describeStep } from '../tour/tour-text.ts';
import { useToastsStore } from '../stores/toasts.ts';
import { useTourStore } from '../stores/tour.ts';

const MARK_EVERY_MS = 400;
/** A page that is loaded for the first time, and its table. */
const PATIENCE_MS = 3_000;

export function useTour() {
  const tour = useTourStore();
  const toasts = useToastsStore();
  const route = useRoute();
  const router = useRouter();

  watch(
    () => route.path,
    (path) => (tour.path = path),
    { immediate: true },
  );

  const words = computed(() => describeStep(tour.step, tour.memory, tour.facts));
  const place = computed(() => {
    const at = TOUR_STEPS.findIndex((step) => step === tour.step);
    return at < 0 ? 'The end' : `Step ${at + 1} of ${TOUR_STEPS.length}`;
  });
  const choices = computed(() => (tour.step === 'topic' ? topicsToTake(tour.facts) : []));

  const running = computed(() => tour.shown && tour.mode === 'running');
  const targetOf = (name: string): HTMLElement[] => [...document.querySelectorAll<HTMLElement>(`[data-tour="${CSS.escape(name)}"]`)];

  /** The control that the step is about is outlined wherever it is on the screen; rows come and go, so it is looked for again. */
  function mark(): void {
    const wanted = running.value ? words.value.show?.target : undefined;
    const on = wanted === undefined ? [] : targetOf(wanted);
    for (const element of document.querySelectorAll('[data-shown]'))
      if (!on.includes(element as HTMLElement)) element.removeAttribute('data-shown');
    for (const element of on) element.setAttribute('data-shown', '');
  }
  useIntervalFn(mark, MARK_EVERY_MS);
  watch([running, words], () => void nextTick(mark));
  onScopeDispose(() => document.querySelectorAll('[data-shown]').forEach((element) => element.removeAttribute('data-shown')));

  /** Opens the page, and puts the focus on the control: it was asked for. */
  async function showMe(): Promise<void> {
    const { show } = words.value;
    if (show === null) return;
    await router.push(show.to);
    const began = performance.now();
    for (;;) {
      const [target] = targetOf(show.target);
      if (target !== undefined) {
        mark();
        target.scrollIntoView({ block: 'nearest' });
        target.focus();
        return;
      }
      if (performance.now() - began > PATIENCE_MS) return;
      await new Promise(requestAnimationFrame);
    }
  }

  function act(): void {
    if (words.value.act?.verb === 'startClients') void tour.startClients();
    else if (words.value.act?.verb === 'relieve') void tour.relieve();
  }

  async function leave(): Promise<void> {
    const { topic } = tour.memory;
    const ran = tour.facts.producer !== null || tour.facts.readers !== null;
    if (!(await tour.end(tour.step === 'end' && tour.mode === 'running' ? 'done' : 'skipped'))) return;
    if (ran) toasts.add(`The producer and the group of the tour are stopped. The topic ${topic ?? ''} stays.`);
  }

  return { tour, words, place, choices, showMe, act, leave };
}
