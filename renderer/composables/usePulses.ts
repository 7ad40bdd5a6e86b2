/** Single records on their way through a diagram: each that is news travels once, until it has arrived. */
import { shallowRef, watch, type ShallowRef } from 'vue';
import type { DiagramPulse } from '../diagrams/diagram.ts';
import { maxOf } from '#shared/lists';

/** More at once are a blur. */
const MOST_AT_ONCE = 6;

/** `pulsesOf` returns a growing list. While `still` is true no pulse travels, and pulses of that time are not repeated later. */
export function usePulses(
  pulsesOf: () => readonly DiagramPulse[] | undefined,
  still: () => boolean,
): { travelling: Readonly<ShallowRef<readonly DiagramPulse[]>>; arrived: (id: number) => void } {
  const travelling = shallowRef<readonly DiagramPulse[]>([]);
  /** Pulses from before the page was opened do not travel. */
  let seen = maxOf(
    (pulsesOf() ?? []).map(({ id }) => id),
    0,
  );

  watch(pulsesOf, (pulses) => {
    const fresh = (pulses ?? []).filter(({ id }) => id > seen);
    if (fresh.length === 0) return;
    seen = maxOf(fresh.map(({ id }) => id));
    if (!still()) travelling.value = [...travelling.value, ...fresh].slice(-MOST_AT_ONCE);
  });

  function arrived(id: number): void {
    travelling.value = travelling.value.filter((pulse) => pulse.id !== id);
  }

  return { travelling, arrived };
}
