/** What a benchmark measures, and how it is shown: a table for people, JSON under `artifacts/` for comparisons. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

export interface Figure {
  name: string;
  value: number;
  unit: string;
}

const ROOT = resolve(import.meta.dirname, '../..');
const ROUNDS = 5;

/**
 * Runs `work` so often that a round takes a tenth of a second or more, and takes the best of five rounds: what else the machine does
 * can only make a round slower. `amount` is what one call of `work` gets done, in `unit` (per second, in the result).
 */
export function measure(name: string, unit: string, amount: number, work: () => void): Figure {
  let calls = 1;
  for (; ; calls *= 2) {
    if (secondsOf(work, calls) >= 0.1) break;
  }
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) best = Math.min(best, secondsOf(work, calls));
  return { name, value: (amount * calls) / best, unit: `${unit}/s` };
}

/** Processor time of this process, so that other processes do not count. */
function secondsOf(work: () => void, calls: number): number {
  const before = process.cpuUsage();
  for (let call = 0; call < calls; call++) work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

export function show(title: string, figures: readonly Figure[]): void {
  const width = Math.max(...figures.map(({ name }) => name.length));
  console.log(`\n${title}`);
  for (const { name, value, unit } of figures) console.log(`  ${name.padEnd(width)}  ${readable(value).padStart(10)} ${unit}`);
}

/** Writes what was measured, with what it was measured on; returns the file's name. */
export function save(name: string, figures: readonly Figure[]): string {
  const directory = join(ROOT, 'artifacts', 'bench');
  mkdirSync(directory, { recursive: true });
  const file = join(directory, `${name}.json`);
  const { platform, arch, versions } = process;
  writeFileSync(file, `${JSON.stringify({ name, at: new Date().toISOString(), platform, arch, node: versions.node, figures }, null, 2)}\n`);
  return file;
}

function readable(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en-US') : value.toFixed(2);
}
