/** Durations and sizes among the settings: shown and typed with units, sent as Kafka's plain numbers. */
import { formatExactDuration, parseTypedDuration } from '#shared/durations';
import { formatExactSize, parseTypedSize } from '#shared/sizes';

const HOUR_MS = 3_600_000n;
const LONG_MAX = 9_223_372_036_854_775_807n;
const INTEGER = /^-?\d{1,19}$/;

interface SettingUnit {
  kind: 'duration' | 'size';
  /** Milliseconds or bytes of one. */
  scale: bigint;
  /** Of the plain number. */
  plain: string;
}

function unitOf(name: string): SettingUnit | null {
  if (name.endsWith('.ms')) return { kind: 'duration', scale: 1n, plain: 'ms' };
  if (name.endsWith('.minutes')) return { kind: 'duration', scale: 60_000n, plain: 'min' };
  if (name.endsWith('.hours')) return { kind: 'duration', scale: HOUR_MS, plain: 'h' };
  return name.endsWith('.bytes') ? { kind: 'size', scale: 1n, plain: 'B' } : null;
}

/** `604800000` of `retention.ms` → `7 d`; null where the value is no amount with a unit. */
export function describeSetting(name: string, value: string | null): string | null {
  const unit = unitOf(name);
  if (unit === null || value === null || !INTEGER.test(value)) return null;
  const amount = BigInt(value);
  // What -1 means differs between settings; Kafka documents it for retention.
  if (amount < 0n) return amount === -1n && /(^|\.)retention\./.test(name) ? 'no limit' : null;
  if (amount === LONG_MAX) return unit.kind === 'duration' ? 'never' : 'no limit';
  return unit.kind === 'duration' ? formatExactDuration(amount * unit.scale) : formatExactSize(amount * unit.scale);
}

/** What a field begins with: an amount with its unit where that is read back as the same value, anything else as it is. */
export function typedSetting(name: string, value: string): string {
  const described = describeSetting(name, value);
  if (described === null) return value;
  const parsed = parseSetting(name, described);
  return 'value' in parsed && parsed.value === value ? described : value;
}

export type SettingInput = { value: string } | { error: string };

/** The value to send for what was typed: with a unit, or Kafka's plain number. */
export function parseSetting(name: string, typed: string): SettingInput {
  const unit = unitOf(name);
  const text = typed.trim();
  if (unit === null) return { value: typed };
  if (INTEGER.test(text)) return { value: text };
  if (text === 'no limit' && describeSetting(name, '-1') === 'no limit') return { value: '-1' };
  const amount = unit.kind === 'duration' ? parseTypedDuration(text) : parseTypedSize(text);
  const example = unit.kind === 'duration' ? '7 d, 36 h or 250 ms' : '1 GiB, 500 MB or 1024 B';
  if (amount === null) return { error: `“${text}” is not a ${unit.kind}. Write for example ${example}.` };
  if (amount > LONG_MAX) return { error: `${text} is more than Kafka can store.` };
  return amount % unit.scale === 0n ? { value: `${amount / unit.scale}` } : { error: `Kafka stores whole ${unit.plain} here.` };
}

/** What will be sent for what was typed, and what that is: `604,800,000 ms (7 d)`; null where both are the same, or nothing fits. */
export function echoSetting(name: string, typed: string): string | null {
  const unit = unitOf(name);
  const parsed = parseSetting(name, typed);
  if (unit === null || 'error' in parsed) return null;
  const described = describeSetting(name, parsed.value);
  const plain = `${new Intl.NumberFormat('en').format(BigInt(parsed.value))} ${unit.plain}`;
  return described === null || described === plain ? null : `${plain} (${described})`;
}
