/** How much slower than the machine for which the bars of processor time were set the machine is now. */

/** Milliseconds of processor time that the work below took there, the least of four runs: AMD EPYC, Node 24. */
const NOMINAL_MS = 16;
const ROUNDS = 15;
const ROWS = 4_000;

/** Text, objects, a map and garbage, as in the rounds of a monitor. */
function work(): number {
  const rows = Array.from({ length: ROWS }, (_, i) => ({
    name: `topic-${i}`,
    offsets: Array.from({ length: 10 }, (_none, partition) => String(i * 1_000 + partition)),
  }));
  const copies = JSON.parse(JSON.stringify(rows)) as typeof rows;
  const byName = new Map(copies.map((row) => [row.name, row]));
  let sum = 0n;
  for (const { name } of rows) for (const offset of byName.get(name)?.offsets ?? []) sum += BigInt(offset);
  return Number(sum % 1_000n);
}

/** The fastest of some rounds: others on the machine only add. */
function measureWork(): number {
  let best = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    const before = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, (user + system) / 1_000);
  }
  return best;
}

/** 1 on a machine that is as fast or faster. A bar of processor time is multiplied by it. No other thread of this process may work meanwhile. */
export function measureSlowness(): number {
  return Math.max(1, measureWork() / NOMINAL_MS);
}
