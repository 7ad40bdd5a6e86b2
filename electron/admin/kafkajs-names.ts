/**
 * kafkajs keys plain objects by topic, so that topics named `__proto__`, `constructor` or `toString` reach Object.prototype. Inside kafkajs
 * such a name is replaced by an alias: the name with a NUL at its end, which no topic can have. Every string that kafkajs reads from a broker
 * is replaced where it is decoded, and every string that it sends is restored where it is encoded. Names that are passed to kafkajs, or
 * taken from it, go through `toKafkajsName` and `fromKafkajsName`.
 */
import Decoder from 'kafkajs/src/protocol/decoder.js';
import Encoder from 'kafkajs/src/protocol/encoder.js';

const MARK = '\0';

/** The name without the marks at its end. A loop: a pattern is quadratic in a string of many marks. */
function withoutMarks(name: string): string {
  let end = name.length;
  while (end > 0 && name[end - 1] === MARK) end--;
  return end === name.length ? name : name.slice(0, end);
}

/** True for names of Object.prototype, and for those with marks behind them, so that the alias of every name is another one. */
const isInherited = (name: string): boolean => Object.hasOwn(Object.prototype, withoutMarks(name));

export function toKafkajsName(name: string): string {
  return isInherited(name) ? `${name}${MARK}` : name;
}

export function fromKafkajsName(name: string): string {
  return name.endsWith(MARK) && isInherited(name) ? name.slice(0, -1) : name;
}

/** Of a message of kafkajs, which may name a topic. */
export const withoutAliases = (message: string): string => message.replaceAll(MARK, '');

/** Once per thread, before kafkajs is used. Both are called with the encoder or decoder as their `this`. */
export function aliasKafkajsNames(): void {
  for (const method of ['readString', 'readVarIntString', 'readUVarIntString'] as const) {
    const original = Reflect.get(Decoder.prototype, method);
    Decoder.prototype[method] = function (this: Decoder) {
      const name = Reflect.apply(original, this, []);
      return name === null ? null : toKafkajsName(name);
    };
  }
  for (const method of ['writeString', 'writeVarIntString', 'writeUVarIntString'] as const) {
    const original = Reflect.get(Encoder.prototype, method);
    Encoder.prototype[method] = function (this: Encoder, name) {
      return Reflect.apply(original, this, [typeof name === 'string' ? fromKafkajsName(name) : name]);
    };
  }
}
