/** Outage scenarios: the library, the open scenario, and the current or last run. */
import { ref, shallowRef } from 'vue';
import { storeToRefs } from 'pinia';
import type { AppError } from '#shared/errors';
import type { Results } from '#shared/ipc';
import type { ScenarioOutline, ScenarioProblem, ScenarioRun, ScenarioSummary } from '#shared/models/scenario';
import { onReopened } from '../api.ts';
import { defineScopedStore } from '../scope.ts';
import { useScenarioDraftStore } from './scenario-draft.ts';

/** What is in front: one of the library, or a text of the user's own. */
export interface OpenScenario {
  text: string;
  outline: ScenarioOutline | null;
  problems: ScenarioProblem[];
}

export const useScenariosStore = defineScopedStore('scenarios', (scope) => {
  /** Null until it has been asked for. */
  const library = shallowRef<ScenarioSummary[] | null>(null);
  const run = shallowRef<ScenarioRun | null>(null);
  const error = shallowRef<AppError | null>(null);
  const draft = useScenarioDraftStore();
  const { own, ownName } = storeToRefs(draft);
  const starting = ref(false);
  const cancelling = ref(false);

  async function load(): Promise<void> {
    const answer = await scope.request('scenario/list', {});
    error.value = answer.ok ? null : answer.error;
    if (!answer.ok) return;
    library.value = answer.value.library;
    run.value = answer.value.run;
  }

  async function open(name: string): Promise<OpenScenario | AppError> {
    const answer = await scope.request('scenario/open', { name });
    return answer.ok ? { ...answer.value, problems: [] } : answer.error;
  }

  async function check(text: string): Promise<OpenScenario | AppError> {
    const answer = await scope.request('scenario/check', { text });
    return answer.ok ? { text, ...answer.value } : answer.error;
  }

  async function start(text: string): Promise<AppError | null> {
    starting.value = true;
    const answer = await scope.request('scenario/run', { text });
    starting.value = false;
    return answer.ok ? null : answer.error;
  }

  async function cancel(): Promise<AppError | null> {
    cancelling.value = true;
    const answer = await scope.request('scenario/cancel', {});
    cancelling.value = false;
    return answer.ok ? null : answer.error;
  }

  async function report(): Promise<Results['scenario/report'] | AppError> {
    const answer = await scope.request('scenario/report', {});
    return answer.ok ? answer.value : answer.error;
  }

  async function record(sinceAt: number | null): Promise<Results['scenario/record'] | AppError> {
    const answer = await scope.request('scenario/record', { sinceAt });
    return answer.ok ? answer.value : answer.error;
  }

  function take(text: string, name: string | null): void {
    own.value = text;
    ownName.value = name;
  }

  function watchRuns(): () => void {
    if (!scope.embedded) return () => undefined;
    const stops = [
      scope.listen('scenario/progressed', (event) => (run.value = event.run)),
      scope.listen('connection/reopened', () => void load()),
      onReopened(() => void load()),
    ];
    void load();
    return () => stops.forEach((stop) => stop());
  }

  return { library, run, error, own, ownName, starting, cancelling, load, open, check, start, cancel, report, record, take, watchRuns };
});

export function isError(answer: object | null): answer is AppError {
  return answer !== null && 'code' in answer && 'message' in answer;
}
