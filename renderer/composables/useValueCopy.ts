/** Copies a key, value or header value in full: what the list holds in part is read again first. */
import { ref } from 'vue';
import { useClipboard } from '@vueuse/core';
import type { AppError } from '#shared/errors';
import type { Payload } from '#shared/ipc';
import type { RecordRow, RecordValue } from '#shared/models/cluster';
import { useMessagesStore } from '../stores/messages.ts';

type Part = Payload<'message/value'>['part'];

export function useValueCopy(topic: () => string) {
  const store = useMessagesStore();
  const { copy } = useClipboard({ legacy: true });
  /** The part that was copied last, of the record that is shown; `partKey`. */
  const copied = ref<string | null>(null);
  const busy = ref<string | null>(null);
  const error = ref<AppError | null>(null);

  async function copyPart({ partition, offset }: RecordRow, part: Part, value: RecordValue): Promise<void> {
    if (busy.value !== null) return;
    copied.value = null;
    error.value = null;
    let { text } = value;
    if (value.truncated) {
      busy.value = partKey(part);
      const answer = await store.readValue({ topic: topic(), partition, offset, part });
      busy.value = null;
      if (!answer.ok) {
        error.value = answer.error;
        return;
      }
      ({ text } = answer.value);
    }
    await copy(text);
    copied.value = partKey(part);
  }

  function reset(): void {
    copied.value = null;
    error.value = null;
  }

  return { copied, busy, error, copyPart, reset };
}

export function partKey(part: Part): string {
  return part.kind === 'header' ? `header ${part.index}` : part.kind;
}
