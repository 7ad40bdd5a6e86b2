import { expect, test } from 'vitest';
import { seededRandom } from '../../../electron/cluster/lib/random.ts';
import { ReadTimes } from '../../../electron/services/view/read-times.ts';

const NAMES = ['a', 'b', 'c', 'd'];

/** As rows state it: null where the last round read the name. */
const ageOf = (times: ReadTimes, name: string): number | null => (times.isLatest(name) ? null : times.of(name));

test('marks every name whose age changed, also where the clock was set back to the time of an earlier round', () => {
  const random = seededRandom(7);
  const marked = new Set<string>();
  const renewed = new Set<string>();
  const times = new ReadTimes(
    (name) => marked.add(name),
    (name) => renewed.add(name),
  );
  for (let step = 0; step < 2_000; step++) {
    const before = new Map(NAMES.map((name) => [name, [ageOf(times, name), times.of(name)] as const]));
    marked.clear();
    renewed.clear();
    const some = NAMES.filter(() => random.int(2) === 0);
    if (random.int(6) === 0) times.keepOnly((name) => some.includes(name));
    else times.note(some, 1 + random.int(6));
    for (const name of NAMES) {
      const [age, time] = before.get(name) ?? [0, 0];
      if (ageOf(times, name) !== age) expect(marked, `step ${step}`).toContain(name);
      if (times.of(name) !== time) expect([...marked, ...renewed], `step ${step}`).toContain(name);
    }
  }
});

test('marks no age where a round reads the same names as the one before', () => {
  const marked: string[] = [];
  const times = new ReadTimes((name) => marked.push(name));
  times.note(NAMES, 100);
  expect(marked).toEqual(NAMES);
  times.note(NAMES, 200);
  times.note(NAMES, 300);
  expect(marked).toEqual(NAMES);
  times.note(['b'], 400);
  expect(marked.slice(NAMES.length)).toEqual(['a', 'c', 'd']);
});
