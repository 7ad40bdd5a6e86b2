/**
 * The quick check of the uncompressed records of a batch. It accepts only records that are valid for certain, and leaves every other batch, valid
 * or not, to `RecordCursor`. One function with local variables: a record takes about 8 ns here and 25 ns with the cursor.
 */

/** Summary of well-formed records whose offset deltas are 0, 1, 2 … */
export interface RecordScan {
  /** Milliseconds. */
  readonly leastTimestampDelta: number;
  readonly largestTimestampDelta: number;
  /** Records without a key. */
  readonly keyless: number;
}

/**
 * Undefined where the exact walk has to decide: records that are malformed, numbered otherwise or longer than 1 MiB, timestamps more than 37 hours
 * from the base, and long lists of headers.
 */
export function scanRecords(bytes: Uint8Array, count: number): RecordScan | undefined {
  let at = 0;
  let least = 0x7fff_ffff;
  let largest = -0x8000_0000;
  let keyless = 0;
  // Each varint is decoded in place: calls, or a cursor in an object, double the time. Reads beyond the end are safe: `at` only grows, and at the
  // end it has to equal the length.
  for (let index = 0; index < count; index++) {
    let length = bytes[at++] as number;
    if (length >= 0x80) {
      let byte = bytes[at++] as number;
      length = (length & 0x7f) | ((byte & 0x7f) << 7);
      if (byte >= 0x80) {
        byte = bytes[at++] as number;
        if (!(byte < 0x80)) return undefined;
        length |= byte << 14;
      }
    }
    const end = at + (length >>> 1);
    if ((length & 1) !== 0) return undefined;
    // The attributes have no meaning yet.
    at++;
    let timestamp = bytes[at++] as number;
    if (timestamp >= 0x80) {
      let byte = bytes[at++] as number;
      timestamp = (timestamp & 0x7f) | ((byte & 0x7f) << 7);
      if (byte >= 0x80) {
        byte = bytes[at++] as number;
        timestamp |= (byte & 0x7f) << 14;
        if (byte >= 0x80) {
          byte = bytes[at++] as number;
          if (!(byte < 0x80)) return undefined;
          timestamp |= byte << 21;
        }
      }
    }
    timestamp = (timestamp >>> 1) ^ -(timestamp & 1);
    if (timestamp < least) least = timestamp;
    if (timestamp > largest) largest = timestamp;
    let offset = bytes[at++] as number;
    if (offset >= 0x80) {
      let byte = bytes[at++] as number;
      offset = (offset & 0x7f) | ((byte & 0x7f) << 7);
      if (byte >= 0x80) {
        byte = bytes[at++] as number;
        if (!(byte < 0x80)) return undefined;
        offset |= byte << 14;
      }
    }
    if (offset !== index * 2) return undefined;
    let key = bytes[at++] as number;
    if (key >= 0x80) {
      let byte = bytes[at++] as number;
      key = (key & 0x7f) | ((byte & 0x7f) << 7);
      if (byte >= 0x80) {
        byte = bytes[at++] as number;
        if (!(byte < 0x80)) return undefined;
        key |= byte << 14;
      }
    }
    if ((key & 1) === 0) at += key >>> 1;
    else keyless++;
    let value = bytes[at++] as number;
    if (value >= 0x80) {
      let byte = bytes[at++] as number;
      value = (value & 0x7f) | ((byte & 0x7f) << 7);
      if (byte >= 0x80) {
        byte = bytes[at++] as number;
        if (!(byte < 0x80)) return undefined;
        value |= byte << 14;
      }
    }
    if ((value & 1) === 0) at += value >>> 1;
    const headers = bytes[at++] as number;
    if (headers !== 0) at = afterHeaders(bytes, at, headers);
    if (at !== end) return undefined;
  }
  return at === bytes.length ? { leastTimestampDelta: least, largestTimestampDelta: largest, keyless } : undefined;
}

/** The end of a record's headers; −1 where it is not certain. `count`: zigzag encoded, at most 63 headers. */
function afterHeaders(bytes: Uint8Array, start: number, count: number): number {
  if (!(count < 0x80) || (count & 1) !== 0) return -1;
  let at = start;
  // A name, whose length is never negative, and a value each.
  for (let part = count; part > 0; part--) {
    let length = bytes[at++] as number;
    if (length >= 0x80) {
      const byte = bytes[at++] as number;
      if (!(byte < 0x80)) return -1;
      length = (length & 0x7f) | (byte << 7);
    }
    if ((length & 1) === 0) at += length >>> 1;
    else if ((part & 1) === 0) return -1;
  }
  return at;
}
