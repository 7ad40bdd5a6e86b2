/**
 * The size of the buffer that zlib decompresses into. By default it allocates one for every 16 KiB of output and joins them at the end, which takes
 * about a quarter of the time of a batch. A hint need not be right: one that is too small costs further buffers.
 * Source: RFC 1952 (ISIZE), RFC 8878 (Frame_Content_Size).
 */

/** zlib's own buffer size. */
const LEAST_BYTES = 16 * 1024;
/** Output that fills the buffer to the last byte makes zlib allocate another one. */
const SPARE_BYTES = 64;
/** For zstd frames without a size, as Java's producer writes them. */
const USUAL_EXPANSION = 8;
/** Bytes of output for each byte of a deflate stream, at most. */
const GZIP_EXPANSION = 1032;
/** The same for zstd: a block of 128 KiB takes 4 bytes where it repeats one byte. */
const ZSTD_EXPANSION = 32 * 1024;

const ZSTD_MAGIC = 0xfd2fb528;
const ZSTD_DICTIONARY_ID_BYTES = [0, 1, 2, 4] as const;

/** Bytes: 16 KiB at least, and not much more than `maxBytes`, beyond which the output is refused. */
export function contentSizeHint(codec: 'gzip' | 'zstd', bytes: Uint8Array, maxBytes: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const size = codec === 'gzip' ? gzipSize(view) : (zstdSize(view) ?? bytes.length * USUAL_EXPANSION);
  return Math.max(Math.min(size, maxBytes) + SPARE_BYTES, LEAST_BYTES);
}

/** Of the last member, which is the only one in practice. */
function gzipSize(view: DataView): number {
  return view.byteLength < 4 ? 0 : Math.min(view.getUint32(view.byteLength - 4, true), view.byteLength * GZIP_EXPANSION);
}

/** Of the first frame; undefined where it does not say. */
function zstdSize(view: DataView): number | undefined {
  if (view.byteLength < 5 || view.getUint32(0, true) !== ZSTD_MAGIC) return undefined;
  const descriptor = view.getUint8(4);
  const singleSegment = (descriptor & 0x20) !== 0;
  const at = 5 + (singleSegment ? 0 : 1) + (ZSTD_DICTIONARY_ID_BYTES[descriptor & 3] as number);
  const bytes = [singleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6] as number;
  if (bytes === 0 || at + bytes > view.byteLength) return undefined;
  return Math.min(contentSize(view, at, bytes), view.byteLength * ZSTD_EXPANSION);
}

function contentSize(view: DataView, at: number, bytes: number): number {
  if (bytes === 1) return view.getUint8(at);
  if (bytes === 2) return view.getUint16(at, true) + 256;
  return bytes === 4 ? view.getUint32(at, true) : Number(view.getBigUint64(at, true));
}
