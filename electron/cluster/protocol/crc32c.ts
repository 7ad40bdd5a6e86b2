import { loadNative } from './native-module.ts';

/** Below this many bytes the call into the native module costs more than it saves (measured). */
const NATIVE_FROM_BYTES = 200;

/** The native module is loaded once so many bytes were there for it: a start does without. */
const NATIVE_AFTER_BYTES = 64 * 1024;

interface Native {
  crc32c(input: Uint8Array, initialState?: number): number;
}

const lazy = loadNative<Native>('@node-rs/crc32');
let native: Native | undefined;
/** −1 when the native module was tried. */
let bytesUntilNative = NATIVE_AFTER_BYTES;

/** Castagnoli's polynomial, reflected. Eight tables of 256 let the loop take eight bytes at a step (slicing-by-8). */
const TABLES = ((): Uint32Array => {
  const tables = new Uint32Array(8 * 256);
  for (let i = 0; i < 256; i++) {
    let crc = i;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
    tables[i] = crc;
  }
  for (let i = 256; i < tables.length; i++) {
    const previous = tables[i - 256] as number;
    tables[i] = (previous >>> 8) ^ (tables[previous & 0xff] as number);
  }
  return tables;
})();

/** CRC-32C (RFC 3720) as an unsigned number. `initial` is the checksum of the bytes before these. */
export function crc32c(bytes: Uint8Array, initial = 0): number {
  if (bytes.length >= NATIVE_FROM_BYTES) {
    if (bytesUntilNative >= 0) tryNative(bytes.length);
    if (native !== undefined) return native.crc32c(bytes, initial);
  }
  return crc32cTable(bytes, initial);
}

function tryNative(bytes: number): void {
  bytesUntilNative -= bytes;
  if (bytesUntilNative >= 0) return;
  bytesUntilNative = -1;
  native = lazy.module;
}

/** The same without the native module. */
export function crc32cTable(bytes: Uint8Array, initial = 0): number {
  const t = TABLES;
  let crc = ~initial;
  let i = 0;
  for (const end = bytes.length - 7; i < end; i += 8) {
    crc ^= (bytes[i] as number) | ((bytes[i + 1] as number) << 8) | ((bytes[i + 2] as number) << 16) | ((bytes[i + 3] as number) << 24);
    crc =
      (t[0x700 | (crc & 0xff)] as number) ^
      (t[0x600 | ((crc >>> 8) & 0xff)] as number) ^
      (t[0x500 | ((crc >>> 16) & 0xff)] as number) ^
      (t[0x400 | (crc >>> 24)] as number) ^
      (t[0x300 | (bytes[i + 4] as number)] as number) ^
      (t[0x200 | (bytes[i + 5] as number)] as number) ^
      (t[0x100 | (bytes[i + 6] as number)] as number) ^
      (t[bytes[i + 7] as number] as number);
  }
  for (; i < bytes.length; i++) crc = (crc >>> 8) ^ (t[(crc ^ (bytes[i] as number)) & 0xff] as number);
  return ~crc >>> 0;
}
