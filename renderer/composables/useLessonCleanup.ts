/** Stops the loads of a lesson when the user leaves Learn, and shows which were stopped. */
import { watch } from 'vue';
import { useRoute } from 'vue-router';
import { isActive } from '../loads/loads.ts';
import { formatList } from '../format/numbers.ts';
import { useLearnStore } from '../stores/learn.ts';
import { useLoadsStore } from '../stores/loads.ts';
import { useToastsStore } from '../stores/toasts.ts';

export function useLessonCleanup(): void {
  const learn = useLearnStore();
  const loads = useLoadsStore();
  const toasts = useToastsStore();
  const route = useRoute();

  async function endAt(path: string): Promise<void> {
    const specs = learn.takeLessonLoads(path);
    const running = loads.loads.filter(
      (load) => isActive(load) && specs.some(({ kind, name }) => kind === load.spec.kind && name === load.spec.name),
    );
    if (running.length === 0) return;
    for (const { id } of running) {
      const error = await loads.stop(id);
      if (error !== null) toasts.addError(error);
    }
    toasts.add(`You left the lesson: ${formatList(running.map(({ spec }) => spec.name))} ended.`);
  }

  watch(
    () => route.path,
    (path) => void endAt(path),
  );
}
