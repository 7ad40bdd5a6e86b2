/** The scenario that is in front: one of the library by its name in the address, or a text of the user's own, checked as it is typed. */
import { computed, onScopeDispose, shallowRef, watch } from 'vue';
import { useDebounceFn } from '@vueuse/core';
import type { AppError } from '#shared/errors';
import { expectationRows, isGoing, runOf, stepRows } from '../scenarios/scenarios.ts';
import { saveJson, saveText } from '../browser/save.ts';
import { isError, useScenariosStore, type OpenScenario } from '../stores/scenarios.ts';
import { useToastsStore } from '../stores/toasts.ts';

/** In the address, in a scenario's place. */
export const OWN = 'own';
const CHECK_MS = 250;
const MAX_FILE_BYTES = 1_048_576;

export function useScenario(name: () => string | null) {
  const store = useScenariosStore();
  const toasts = useToastsStore();
  const opened = shallowRef<OpenScenario | null>(null);
  const error = shallowRef<AppError | null>(null);
  let asked = 0;

  const isOwn = computed(() => name() === OWN);
  const outline = computed(() => opened.value?.outline ?? null);
  const run = computed(() => runOf(store.run, outline.value));
  const going = computed(() => store.run !== null && isGoing(store.run.state));
  const steps = computed(() => (outline.value === null ? [] : stepRows(outline.value, run.value)));
  const expectations = computed(() => (outline.value === null ? [] : expectationRows(outline.value, run.value)));

  async function read(): Promise<void> {
    const wanted = name();
    const mine = ++asked;
    if (wanted === null || (wanted === OWN && store.own.trim() === '')) {
      opened.value = null;
      error.value = null;
      return;
    }
    const answer = wanted === OWN ? await store.check(store.own) : await store.open(wanted);
    if (mine !== asked) return;
    if (isError(answer)) {
      opened.value = null;
      error.value = answer;
    } else {
      opened.value = answer;
      error.value = null;
    }
  }

  const readSoon = useDebounceFn(read, CHECK_MS);
  watch(name, read, { immediate: true });
  watch(
    () => store.own,
    () => {
      if (isOwn.value) void readSoon();
    },
  );
  onScopeDispose(store.watchRuns());

  async function start(): Promise<void> {
    if (opened.value === null) return;
    const refused = await store.start(opened.value.text);
    if (refused !== null) toasts.addError(refused);
  }

  async function cancel(): Promise<void> {
    const refused = await store.cancel();
    if (refused !== null) toasts.addError(refused);
  }

  async function save(as: 'json' | 'junit'): Promise<void> {
    const answer = await store.report();
    if (answer === null) return;
    if (isError(answer)) {
      toasts.addError(answer);
      return;
    }
    const { report, junit } = answer;
    if (as === 'json') saveJson(`${report.scenario.name}-report.json`, report);
    else saveText(`${report.scenario.name}-junit.xml`, junit, 'application/xml');
  }

  function saveFile(): void {
    const summary = outline.value?.summary;
    if (opened.value !== null && summary !== undefined) saveText(`${summary.name}.yaml`, opened.value.text, 'application/yaml');
  }

  /** False when it is no text that could be a scenario. */
  async function take(file: File): Promise<boolean> {
    if (file.size > MAX_FILE_BYTES) {
      toasts.addError({
        code: 'INVALID_PAYLOAD',
        message: `${file.name} is larger than a scenario can be.`,
        advice: 'A scenario has a megabyte at the most.',
      });
      return false;
    }
    store.take(await file.text(), file.name);
    return true;
  }

  return { store, isOwn, opened, outline, error, run, going, steps, expectations, start, cancel, save, saveFile, take };
}
