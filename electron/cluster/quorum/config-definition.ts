/**
 * One setting of a topic or a broker: its type, default and check. Values are strings, as in AlterConfigs and `server.properties`;
 * `read*` parse a value that has passed `validate`.
 */
export type ConfigType = 'int' | 'long' | 'boolean' | 'double' | 'string' | 'list' | 'class' | 'password' | 'short';

export interface ConfigDefinition {
  readonly name: string;
  readonly type: ConfigType;
  /** Null: no value. */
  readonly default: string | null;
  /** Null for a valid value, else a clause that says what the value must be. */
  validate(value: string): string | null;
  /** One sentence. */
  readonly documentation: string;
  /** The setting cannot be changed while the broker runs. */
  readonly readOnly: boolean;
  /** The value is never shown. */
  readonly sensitive: boolean;
  /** For a topic setting: the broker settings that give its default, the strongest first. */
  readonly synonyms: readonly ConfigSynonym[];
}

export interface ConfigSynonym {
  readonly name: string;
  /** One unit of the synonym, in units of the setting: 3,600,000 for hours against milliseconds. */
  readonly scale: number;
}

export type Check = (value: string) => string | null;

interface Extras {
  check?: Check;
  readOnly?: boolean;
  sensitive?: boolean;
  synonyms?: readonly (string | ConfigSynonym)[];
}

export function define(name: string, type: ConfigType, value: string | null, documentation: string, extras: Extras = {}): ConfigDefinition {
  const typeCheck = TYPE_CHECKS[type];
  const { check } = extras;
  return {
    name,
    type,
    default: value,
    documentation,
    readOnly: extras.readOnly ?? false,
    sensitive: extras.sensitive ?? false,
    synonyms: (extras.synonyms ?? []).map((synonym) => (typeof synonym === 'string' ? { name: synonym, scale: 1 } : synonym)),
    validate: (text) => typeCheck(text) ?? check?.(text) ?? null,
  };
}

function integer(low: bigint, high: bigint, name: string): Check {
  return (value) => {
    const text = value.trim();
    if (!/^[+-]?\d+$/.test(text)) return `must be a whole number, not "${value}"`;
    const number = BigInt(text.replace('+', ''));
    return number < low || number > high ? `must fit into ${name}` : null;
  };
}

const TYPE_CHECKS: Readonly<Record<ConfigType, Check>> = {
  int: integer(-(2n ** 31n), 2n ** 31n - 1n, '32 bits'),
  short: integer(-(2n ** 15n), 2n ** 15n - 1n, '16 bits'),
  long: integer(-(2n ** 63n), 2n ** 63n - 1n, '64 bits'),
  boolean: (value) => (/^(true|false)$/i.test(value.trim()) ? null : `must be true or false, not "${value}"`),
  double: (value) => (value.trim() !== '' && Number.isFinite(Number(value)) ? null : `must be a number, not "${value}"`),
  string: () => null,
  list: () => null,
  class: () => null,
  password: () => null,
};

export function atLeast(low: bigint): Check {
  return (value) => (readLong(value) < low ? `must be at least ${low}` : null);
}

export function between(low: number, high: number): Check {
  return (value) => (Number(value) < low || Number(value) > high ? `must be between ${low} and ${high}` : null);
}

export function oneOf(...allowed: readonly string[]): Check {
  return (value) => (allowed.includes(value) ? null : `must be one of ${allowed.join(', ')}`);
}

export function listOf(...allowed: readonly string[]): Check {
  return (value) => {
    const items = readList(value);
    return items.every((item) => allowed.includes(item)) ? null : `may hold only ${allowed.join(', ')}`;
  };
}

export function readLong(value: string): bigint {
  return BigInt(value.trim().replace('+', ''));
}

export function readBoolean(value: string): boolean {
  return value.trim().toLowerCase() === 'true';
}

/** Items of a comma-separated list; an empty text is an empty list. */
export function readList(value: string): string[] {
  return value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}
