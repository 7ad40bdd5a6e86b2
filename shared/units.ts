/** Numbers with units, exact in both directions: no rounding changes a setting that is opened and saved. */

export interface Unit {
  /** The first one is written; case counts only where two units differ in nothing else. */
  names: readonly string[];
  size: bigint;
}

const MAX_CHARACTERS = 100;
const PART = /^\s*(\d{1,19}(?:,\d{3})*)(?:\.(\d{1,3}))?\s*([a-z]+)/i;

/** The sum of parts such as `1 h 30 min`; null where a part has no unit, or is not a whole number of the smallest one. */
export function parseWithUnits(text: string, units: readonly Unit[]): bigint | null {
  if (text.length > MAX_CHARACTERS || text.trim() === '') return null;
  let sum = 0n;
  let rest = text.trim();
  while (rest !== '') {
    const match = PART.exec(rest);
    if (match === null) return null;
    const [all, whole = '', fraction = '', name = ''] = match;
    const unit = units.find(({ names }) => names.includes(name)) ?? units.find(({ names }) => names.includes(name.toLowerCase()));
    if (unit === undefined) return null;
    const thousandths = (BigInt(whole.replaceAll(',', '')) * 1_000n + BigInt(fraction.padEnd(3, '0'))) * unit.size;
    if (thousandths % 1_000n !== 0n) return null;
    sum += thousandths / 1_000n;
    rest = rest.slice(all.length).trimStart();
  }
  return sum;
}

const grouped = new Intl.NumberFormat('en');

/** In units of falling size; with `one`, in the largest unit of which it is a whole number. */
export function formatExactly(amount: bigint, units: readonly Unit[], parts: 'one' | 'several'): string {
  const smallest = units.at(-1);
  if (parts === 'one') {
    const unit = units.find(({ size }) => amount !== 0n && amount % size === 0n) ?? smallest;
    return `${grouped.format(amount / (unit?.size ?? 1n))} ${unit?.names[0] ?? ''}`;
  }
  const texts: string[] = [];
  let rest = amount;
  for (const { names, size } of units) {
    if (rest >= size) texts.push(`${grouped.format(rest / size)} ${names[0] ?? ''}`);
    rest %= size;
  }
  return texts.length === 0 ? `0 ${smallest?.names[0] ?? ''}` : texts.join(' ');
}
