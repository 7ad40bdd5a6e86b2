/** A node's worker: gives the node the operating system's clock, disk, network and randomness, and speaks with the supervisor. */
import { getHeapStatistics } from 'node:v8';
import { parentPort, workerData } from 'node:worker_threads';
import type { FromNode, NodeStart, ToNode } from './cluster-messages.ts';
import { createLogger, type LogFields } from './lib/logger.ts';
import { systemClock } from './lib/system-clock.ts';
import { systemDisk } from './lib/system-disk.ts';
import { systemRandom } from './lib/system-random.ts';
import { withoutSync } from './lib/unsynced-disk.ts';
import { tcpNetwork } from './network/tcp.ts';
import { createNode } from './node.ts';

const port = parentPort;
if (port === null) throw new Error('node-worker is the entry of a worker thread');

const post = (message: FromNode): void => port.postMessage(message);

const { config, logLevel, temporary } = workerData as NodeStart;
const node = createNode({
  config,
  clock: systemClock,
  disk: temporary ? withoutSync(systemDisk) : systemDisk,
  network: tcpNetwork(),
  random: systemRandom(),
  logger: createLogger((level, message, fields) => post({ kind: 'log', level, message, fields: plain(fields) }), logLevel),
  events: (event) => post({ kind: 'event', event }),
  onFailure: (error) => {
    report(error);
    end(node.stop({ controlled: false }));
  },
});

port.on('message', (message: ToNode) => {
  switch (message.kind) {
    case 'status':
      post({ kind: 'status', request: message.request, status: { ...node.status(), memoryBytes: memoryBytes() } });
      return;
    case 'stop':
      end(node.stop({ controlled: message.controlled }));
      return;
  }
});

node.start().then(
  () => post({ kind: 'ready' }),
  (error: unknown) => {
    report(error);
    end(node.stop({ controlled: false }));
  },
);

/** Ends the worker when the node has; what the node left open (there should be nothing) ends with it. */
function end(stopped: Promise<void>): void {
  stopped
    .catch((error: unknown) => report(error))
    .finally(() => {
      post({ kind: 'stopped' });
      process.exit(0);
    });
}

function report(error: unknown): void {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'INTERNAL';
  const message = error instanceof Error ? error.message : String(error);
  post({
    kind: 'failed',
    code,
    message: message.includes(code) || code === 'INTERNAL' ? message : `${message} (${code})`,
    // What has a code is explained by its message; the rest is for who mends it.
    stack: code === 'INTERNAL' && error instanceof Error ? error.stack : undefined,
  });
}

/** Of this worker alone: its heap, and the buffers outside it. */
function memoryBytes(): number {
  const { used_heap_size: heap, external_memory: external } = getHeapStatistics();
  return heap + external;
}

/** What can cross to another thread: an error as its text, anything that is no plain value as a string. */
function plain(fields: LogFields): LogFields {
  const crossing: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(fields)) {
    if (value instanceof Error) crossing[key] = value.message;
    else if (typeof value === 'object' && value !== null)
      crossing[key] = JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? String(inner) : inner));
    else if (typeof value === 'bigint' || typeof value === 'function' || typeof value === 'symbol') crossing[key] = String(value);
    else crossing[key] = value;
  }
  return crossing;
}
