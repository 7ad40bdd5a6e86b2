/** The state of a copy button: whether the text of its last click is on the clipboard. */
import { onScopeDispose, readonly, ref } from 'vue';
import { writeClipboard } from '../../browser/clipboard.ts';

/** How long a button shows what came of its click. */
const SHOWN_MS = 1_500;

export function useCopyState() {
  const state = ref<'idle' | 'copied' | 'refused'>('idle');
  let timer: ReturnType<typeof setTimeout> | undefined;

  async function copy(text: string): Promise<void> {
    clearTimeout(timer);
    state.value = (await writeClipboard(text)) ? 'copied' : 'refused';
    timer = setTimeout(() => (state.value = 'idle'), SHOWN_MS);
  }

  onScopeDispose(() => clearTimeout(timer));
  return { state: readonly(state), copy };
}
