/**
 * What kafkajs needs once per process before its first use: codecs that it lacks, its timers calmed, an endless loop removed, and names
 * that it can use as keys.
 */
import kafkajs from 'kafkajs';
import Runner from 'kafkajs/src/consumer/runner.js';
import RequestQueue from 'kafkajs/src/network/requestQueue/index.js';
import { aliasKafkajsNames } from './kafkajs-names.ts';
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
  endStoppedRunners();
  aliasKafkajsNames();
}

/**
 * kafkajs 2.2.4: a consumer that stops while its fetchers are re-created, because the set of brokers changed, fetches nothing in an endless
 * loop of microtasks. That blocks the event loop of its thread for good. An error ends the loop, and the stop then completes.
 */
function endStoppedRunners(): void {
  const { prototype } = Runner;
  // Called below with the runner as its `this`.
  const original = Reflect.get(prototype, 'fetch');
  prototype.fetch = function (this: typeof prototype, nodeId) {
    if (!this.running) return Promise.reject(new Error('the consumer is stopping'));
    return Reflect.apply(original, this, [nodeId]);
  };
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
