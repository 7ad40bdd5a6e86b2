/** A node's worker: gives the node the operating system's clock, disk, network and randomness, and exchanges messages with the supervisor. */
import { getHeapStatistics } from 'node:v8';
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import type { FromNode, NodeStart, ToNode } from './cluster-messages.ts';
import { localAddressOf } from './lib/addresses.ts';
import { DescriptorReserve } from './lib/descriptor-reserve.ts';
import { shareDescriptors } from './lib/descriptors.ts';
import { FaultyDisk } from './lib/faulty-disk.ts';
import { createLogger, type LogFields } from './lib/logger.ts';
import type { NodeFaults } from './lib/node-faults.ts';
import { PowerLossDisk } from './lib/power-loss-disk.ts';
import { SkewedClock } from './lib/skewed-clock.ts';
import { systemClock } from './lib/system-clock.ts';
import { openSpareDescriptor, pauseThread, systemDescriptorLimit } from './lib/system-descriptors.ts';
import { systemDisk } from './lib/system-disk.ts';
import { systemRandom } from './lib/system-random.ts';
import { withoutSync } from './lib/unsynced-disk.ts';
import { FaultyNetwork } from './network/faults.ts';
import { recognisePeers } from './network/peer-streams.ts';
import { tcpNetwork } from './network/tcp.ts';
import { createNode } from './node.ts';
import { randomUuid } from './protocol/uuid.ts';
import { messageOf } from '#shared/errors';

const port = parentPort;
if (port === null) throw new Error('node-worker is the entry of a worker thread');

const post = (message: FromNode): void => port.postMessage(message);

const { config, logLevel, temporary, faults: firstFaults, rootDirectory, undoDirectory, memory } = workerData as NodeStart;
const random = systemRandom();

// Faults are injected below all other layers, so that none of them can notice or bypass them.
let peers: NodeFaults['peers'] = [];
const portOwners = new Uint8Array(memory.portOwners);
const frozen = new Int32Array(memory.frozen);
const progress = new Int32Array(memory.progress);
const clock = new SkewedClock(systemClock);
const reserve = new DescriptorReserve(systemDisk, { openSpare: openSpareDescriptor, pause: pauseThread });
const disk = new FaultyDisk(
  new PowerLossDisk(temporary ? withoutSync(reserve) : reserve, rootDirectory, undoDirectory, () => randomUuid(random)),
  systemClock,
  () => Atomics.add(progress, 0, 1),
);
const ownHost = config.bindHost === undefined ? undefined : localAddressOf(config.bindHost);
const network = new FaultyNetwork({
  // Set before the first byte is sent, so that the receiver can look it up.
  inner: tcpNetwork(
    {
      opened: (local) => Atomics.store(portOwners, local, config.nodeId),
      closed: (local) => Atomics.compareExchange(portOwners, local, config.nodeId, 0),
    },
    ownHost,
  ),
  clock: systemClock,
  random,
  nodeOf: ({ port: remote }) => peers.find(({ brokerPort, controllerPort }) => remote === brokerPort || remote === controllerPort)?.id,
  isFellow: recognisePeers(portOwners, ownHost === undefined ? undefined : new Set([ownHost, config.host])),
});
applyFaults(firstFaults);

const node = createNode({
  config,
  clock,
  disk,
  network,
  random,
  logger: createLogger((level, message, fields) => post({ kind: 'log', level, message, fields: plain(fields) }), logLevel),
  // Divided by at least four: nodes may be added later.
  descriptors: shareDescriptors(systemDescriptorLimit(), Math.max(4, firstFaults.peers.length)),
  // Timeline events are in real time, without the node's skew.
  events: (event) => post({ kind: 'event', event: { ...event, at: event.at - clock.offsetMs } }),
  onFailure: (error) => {
    report(error);
    end(node.stop({ controlled: false }));
  },
});

port.on('message', receive);

function receive(message: ToNode): void {
  switch (message.kind) {
    case 'status':
      post({ kind: 'status', request: message.request, status: { ...node.status(), memoryBytes: memoryBytes() } });
      return;
    case 'stop':
      end(node.stop({ controlled: message.controlled }));
      return;
    case 'faults':
      applyFaults(message.faults);
      post({ kind: 'done', request: message.request });
      return;
    case 'freeze':
      post({ kind: 'done', request: message.request });
      // The thread blocks here, with its timers and sockets; the kernel keeps serving the sockets.
      Atomics.wait(frozen, 0, 1);
      takeWaiting();
      post({ kind: 'thawed' });
      return;
  }
}

/** Applies faults that were injected or healed during the freeze before the node resumes. */
function takeWaiting(): void {
  for (let next = take(); next !== undefined; next = take()) receive(next.message);
}

function take(): { message: ToNode } | undefined {
  return receiveMessageOnPort(port as NonNullable<typeof port>);
}

function applyFaults(faults: NodeFaults): void {
  peers = faults.peers;
  network.set(faults.links);
  disk.set(faults.disk);
  clock.offsetMs = faults.clockOffsetMs;
}

node.start().then(
  () => post({ kind: 'ready' }),
  (error: unknown) => {
    report(error);
    end(node.stop({ controlled: false }));
  },
);

/** Ends the worker after the node; handles that the node left open (there should be none) are closed with it. */
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
  const message = messageOf(error);
  post({
    kind: 'failed',
    code,
    message: message.includes(code) || code === 'INTERNAL' ? message : `${message} (${code})`,
    // An error with a code is explained by its message; the stack of any other is for developers.
    stack: code === 'INTERNAL' && error instanceof Error ? error.stack : undefined,
  });
}

/** Memory of this worker alone: its heap, and the buffers outside it. */
function memoryBytes(): number {
  const { used_heap_size: heap, external_memory: external } = getHeapStatistics();
  return heap + external;
}

/** Converts fields for another thread: an error to its text, any value that is not plain data to a string. */
function plain(fields: LogFields): LogFields {
  const crossing = new Map<string, unknown>();
  for (const [key, value] of Object.entries(fields)) {
    if (value instanceof Error) crossing.set(key, value.message);
    else if (typeof value === 'object' && value !== null)
      crossing.set(
        key,
        JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? String(inner) : inner)),
      );
    else if (typeof value === 'bigint' || typeof value === 'function' || typeof value === 'symbol') crossing.set(key, String(value));
    else crossing.set(key, value);
  }
  return Object.fromEntries(crossing);
}
