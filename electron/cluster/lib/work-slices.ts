/** Long work on a list in slices: between two of them the event loop serves other connections. */
import { sleep, type Clock } from './clock.ts';

const SLICE_MS = 20;
/** Items between two reads of the clock. */
const STRIDE = 16;

/** As `items.map(map)`; a promise only where it takes longer than one slice. A throw rejects or throws. */
export function mapInSlices<T, R>(clock: Clock, items: readonly T[], map: (item: T) => R): R[] | Promise<R[]> {
  const results: R[] = [];
  const work = (): boolean => {
    const until = clock.monotonic() + SLICE_MS;
    while (results.length < items.length) {
      results.push(map(items[results.length] as T));
      if (results.length % STRIDE === 0 && clock.monotonic() >= until) return results.length === items.length;
    }
    return true;
  };
  if (work()) return results;
  return rest(clock, work, results);
}

async function rest<R>(clock: Clock, work: () => boolean, results: R[]): Promise<R[]> {
  do await sleep(clock, 0);
  while (!work());
  return results;
}

/** Runs `work` to its end, in slices that end at one of its yields; a promise only where it takes longer than one slice. A throw rejects or throws. */
export function runInSlices<R>(clock: Clock, work: Generator<undefined, R, undefined>): R | Promise<R> {
  const first = runSlice(clock, work);
  return first.done === true ? first.value : runRest(clock, work);
}

function runSlice<R>(clock: Clock, work: Generator<undefined, R, undefined>): IteratorResult<undefined, R> {
  const until = clock.monotonic() + SLICE_MS;
  for (;;) {
    const step = work.next();
    if (step.done === true || clock.monotonic() >= until) return step;
  }
}

async function runRest<R>(clock: Clock, work: Generator<undefined, R, undefined>): Promise<R> {
  for (;;) {
    await sleep(clock, 0);
    const step = runSlice(clock, work);
    if (step.done === true) return step.value;
  }
}

/** Runs `work` to its end at once. */
export function runWhole<R>(work: Generator<undefined, R, undefined>): R {
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
  }
}
