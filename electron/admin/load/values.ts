/**
 * Values and keys of load records. A value identifies its record (`bd1 <run> <client> <number> …`, padded), so that an audit can find it in
 * the log.
 */
import type { LoadKeys } from '#shared/models/load';

const SPACE = 0x20;
const ZERO = 0x30;
const NINE = 0x39;

export class LoadValues {
  private readonly prefix: Buffer;
  private readonly blank: Buffer;

  /** `run` is eight hexadecimal digits; `valueBytes` at least 32, the longest header. */
  constructor(run: string, valueBytes: number) {
    this.prefix = Buffer.from(`bd1 ${run} `, 'latin1');
    this.blank = Buffer.alloc(valueBytes, '.', 'latin1');
    this.prefix.copy(this.blank);
  }

  encode(client: number, sequence: number): Buffer {
    const value = Buffer.allocUnsafe(this.blank.length);
    this.blank.copy(value);
    value.write(`${client} ${sequence} `, this.prefix.length, 'latin1');
    return value;
  }

  /** The sequence number of a record; −1 for records of other producers. */
  sequenceOf(value: Buffer | null): number {
    const { prefix } = this;
    if (value === null || value.length < prefix.length || value.compare(prefix, 0, prefix.length, 0, prefix.length) !== 0) return -1;
    const afterClient = value.indexOf(SPACE, prefix.length) + 1;
    if (afterClient === 0) return -1;
    let sequence = 0;
    for (let at = afterClient; at < value.length; at++) {
      const byte = value[at] as number;
      if (byte === SPACE) return at === afterClient ? -1 : sequence;
      if (byte < ZERO || byte > NINE) return -1;
      sequence = sequence * 10 + (byte - ZERO);
    }
    return -1;
  }
}

/** Index of the key of a record, which depends on its number only; −1 without keys. */
export function keyIndex(keys: LoadKeys, sequence: number): number {
  switch (keys.kind) {
    case 'none':
      return -1;
    case 'even':
      return sequence % keys.distinct;
    case 'hot': {
      const before = Math.floor(sequence * keys.share);
      if (keys.distinct === 1 || Math.floor((sequence + 1) * keys.share) > before) return 0;
      return 1 + ((sequence - before) % (keys.distinct - 1));
    }
  }
}

export function keyText(index: number): string {
  return `key-${index}`;
}

/** The index of a key; −1 for other keys. */
export function indexOfKey(keys: LoadKeys, key: Buffer | null): number {
  if (keys.kind === 'none' || key === null || key.length > 11) return -1;
  const text = key.toString('latin1');
  if (!/^key-(0|[1-9]\d*)$/.test(text)) return -1;
  const index = Number(text.slice(4));
  return index < keys.distinct ? index : -1;
}
