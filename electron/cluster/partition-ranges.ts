/** Partitions by topic as ranges of their numbers: the names of thousands in the size of a hundred listed ones. */

/** Most characters in all; of more partitions none are named. */
const MAX_CHARACTERS = 16_000;

export interface NamedPartition {
  topic: string;
  partition: number;
}

/** `[['orders', '0-4,7']]`, by topic in the order of the first mention; undefined where that is longer than the bound. */
export function partitionRanges(list: readonly NamedPartition[]): [topic: string, ranges: string][] | undefined {
  const byTopic = new Map<string, Set<number>>();
  for (const { topic, partition } of list) {
    const numbers = byTopic.get(topic);
    if (numbers === undefined) byTopic.set(topic, new Set([partition]));
    else numbers.add(partition);
  }
  const ranges: [string, string][] = [];
  let characters = 0;
  for (const [topic, numbers] of byTopic) {
    const text = formatRanges([...numbers].sort((a, b) => a - b));
    characters += topic.length + text.length;
    if (characters > MAX_CHARACTERS) return undefined;
    ranges.push([topic, text]);
  }
  return ranges;
}

function formatRanges(sorted: readonly number[]): string {
  const parts: string[] = [];
  for (let from = 0; from < sorted.length;) {
    let to = from;
    while (sorted[to + 1] === (sorted[to] ?? 0) + 1) to++;
    parts.push(from === to ? `${sorted[from]}` : `${sorted[from]}-${sorted[to]}`);
    from = to + 1;
  }
  return parts.join(',');
}
