/**
 * What kafkajs needs once per process before anybody uses it: codecs that it lacks, and its timers calmed.
 */
import kafkajs from 'kafkajs';
import RequestQueue from 'kafkajs/src/network/requestQueue/index.js';
import { compress, decompress, type CompressionName } from '../cluster/protocol/compression.ts';

/** Of one batch that a consumer of a load reads. kafkajs' own gzip has no bound. */
const MAX_DECOMPRESSED_BYTES = 64 * 1024 * 1024;

let done = false;

export function setUpKafkajs(): void {
  if (done) return;
  done = true;
  process.env['KAFKAJS_NO_PARTITIONER_WARNING'] = '1';
  const codec = (name: CompressionName) => () => ({
    compress: (encoder: { buffer: Buffer }) => Promise.resolve(compress(name, encoder.buffer)),
    decompress: (buffer: Buffer) => Promise.resolve(decompress(name, buffer, MAX_DECOMPRESSED_BYTES)),
  });
  const { CompressionCodecs, CompressionTypes } = kafkajs;
  CompressionCodecs[CompressionTypes.GZIP] = codec('gzip');
  CompressionCodecs[CompressionTypes.Snappy] = codec('snappy');
  CompressionCodecs[CompressionTypes.LZ4] = codec('lz4');
  CompressionCodecs[CompressionTypes.ZSTD] = codec('zstd');
  calmRequestQueues();
}

/**
 * Every kafkajs connection re-arms a 1 ms timer for ever (#1704, #1751), about 4 % of a core while idle. It matters only
 * while requests wait for a throttle or for an in-flight limit to pass.
 */
function calmRequestQueues(): void {
  const { prototype } = RequestQueue;
  // Called below with the queue as its `this`.
  const original = Reflect.get(prototype, 'scheduleCheckPendingRequests');
  prototype.scheduleCheckPendingRequests = function (this: typeof prototype) {
    if (this.pending.length > 0 || this.throttledUntil > Date.now()) Reflect.apply(original, this, []);
  };
}
