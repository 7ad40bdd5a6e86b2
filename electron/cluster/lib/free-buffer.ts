/** Smaller buffers, in bytes, are left to the garbage collector: freeing one costs more than it saves. */
const LEAST_BYTES = 1024 * 1024;

/**
 * Frees the memory of a large `buffer` at once. The garbage collector does not see how much memory stands behind a buffer and would keep hundreds
 * of MB for seconds. For the one owner of the whole ArrayBuffer: every view of it is empty afterwards. Without ArrayBuffer.prototype.transfer
 * (Node 16) it does nothing.
 */
export function freeBuffer(buffer: Uint8Array): void {
  if (buffer.buffer.byteLength < LEAST_BYTES) return;
  const memory = buffer.buffer as Partial<Pick<ArrayBuffer, 'transfer'>>;
  memory.transfer?.(0);
}
