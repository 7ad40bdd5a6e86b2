/** Copies a key, value or header value in full: what the list holds in part is read again first. */
import { onScopeDispose, ref } from 'vue';
import type { AppError } from '#shared/errors';
import type { Payload } from '#shared/ipc';
import type { RecordRow, RecordValue } from '#shared/models/cluster';
import { writeClipboard } from '../browser/clipboard.ts';
import { useMessagesStore } from '../stores/messages.ts';

type Part = Payload<'message/value'>['part'];

const REFUSED: AppError = {
  code: 'CLIPBOARD_REFUSED',
  message: 'Nothing was copied: the browser refused access to the clipboard.',
  advice: 'Allow it for this page, or select the text and copy it by the keyboard.',
};

export function useValueCopy(topic: () => string) {
  const store = useMessagesStore();
  /** The part that was copied last, of the record that is shown; `partKey`. */
  const copied = ref<string | null>(null);
  const busy = ref<string | null>(null);
  const error = ref<AppError | null>(null);
  /** Counts records that are shown: what was read of an earlier one is neither copied nor reported. */
  let shown = 0;

  async function copyPart({ partition, offset }: RecordRow, part: Part, value: RecordValue): Promise<void> {
    if (busy.value !== null) return;
    const mine = shown;
    copied.value = null;
    error.value = null;
    let { text } = value;
    if (value.truncated) {
      busy.value = partKey(part);
      const answer = await store.readValue({ topic: topic(), partition, offset, part });
      if (mine !== shown) return;
      busy.value = null;
      if (!answer.ok) {
        error.value = answer.error;
        return;
      }
      ({ text } = answer.value);
    }
    const isWritten = await writeClipboard(text);
    if (mine !== shown) return;
    if (isWritten) copied.value = partKey(part);
    else error.value = REFUSED;
  }

  /** Another record is shown, or none. */
  function reset(): void {
    shown += 1;
    copied.value = null;
    busy.value = null;
    error.value = null;
  }

  onScopeDispose(reset);
  return { copied, busy, error, copyPart, reset };
}

export function partKey(part: Part): string {
  return part.kind === 'header' ? `header ${part.index}` : part.kind;
}
