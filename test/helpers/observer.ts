/**
 * Reads metadata of a topic from every broker over sockets of its own, so that a broker that is isolated or frozen does not delay the
 * others. The responses with the latest leader epochs count.
 */
import { listOffsets } from '../../electron/cluster/protocol/apis/list-offsets.ts';
import { metadata } from '../../electron/cluster/protocol/apis/metadata.ts';
import { decodeResponse, encodeRequest } from '../../electron/cluster/protocol/frame.ts';
import { RawClient } from './raw-client.ts';

const PATIENCE_MS = 1_500;
const LATEST = -1n;

export interface Observed {
  /** Who answered. */
  by: number;
  brokers: number[];
  controller: number;
  partitions: Map<number, { leader: number; epoch: number; isr: number[]; replicas: number[] }>;
  /** High watermarks by partition, of those whose leader answered. */
  ends: Map<number, string>;
}

/** Sends one request; null when nothing came back in time. */
async function ask(address: string, send: (client: RawClient) => void): Promise<Buffer | null> {
  const [host, port] = address.split(':');
  const client = await RawClient.open(Number(port), host).catch(() => null);
  if (client === null) return null;
  try {
    send(client);
    await client.until(() => client.frames.length > 0 || client.closed, PATIENCE_MS);
    return client.frames[0] ?? null;
  } finally {
    client.close();
  }
}

async function standing(
  address: string,
  topic: string,
): Promise<(Omit<Observed, 'by' | 'ends'> & { addresses: Map<number, string> }) | null> {
  const body = { topics: [{ name: topic }], allowAutoTopicCreation: false };
  const frame = await ask(address, (client) =>
    client.send(...encodeRequest(metadata, 9, { correlationId: 1, clientId: 'observer' }, body)),
  );
  if (frame === null) return null;
  const answer = decodeResponse(metadata, 9, frame).body;
  const found = answer.topics.find(({ name, errorCode }) => name === topic && errorCode === 0);
  if (found === undefined) return null;
  return {
    brokers: answer.brokers.map(({ nodeId }) => nodeId).sort((a, b) => a - b),
    addresses: new Map(answer.brokers.map(({ nodeId, host, port }) => [nodeId, `${host}:${port}`])),
    controller: answer.controllerId,
    partitions: new Map(
      found.partitions.map(({ partitionIndex, leaderId, leaderEpoch, isrNodes, replicaNodes }) => [
        partitionIndex,
        { leader: leaderId, epoch: leaderEpoch, isr: [...isrNodes].sort((a, b) => a - b), replicas: [...replicaNodes] },
      ]),
    ),
  };
}

async function endAt(address: string, topic: string, partition: number): Promise<string | null> {
  const topics = [{ name: topic, partitions: [{ partitionIndex: partition, timestamp: LATEST }] }];
  const frame = await ask(address, (client) =>
    client.send(...encodeRequest(listOffsets, 5, { correlationId: 2, clientId: 'observer' }, { replicaId: -1, topics })),
  );
  const row = frame === null ? undefined : decodeResponse(listOffsets, 5, frame).body.topics[0]?.partitions[0];
  return row === undefined || row.errorCode !== 0 ? null : `${row.offset}`;
}

/** The responses with the latest epochs; their ISRs may still differ. Empty if no broker answered. */
export async function observe(addresses: readonly string[], topic: string): Promise<Observed[]> {
  const answers = await Promise.all(addresses.map(async (address, i) => ({ by: i + 1, reported: await standing(address, topic) })));
  const answered = answers.flatMap(({ by, reported }) => (reported === null ? [] : [{ by, reported }]));
  const epochs = ({ reported }: (typeof answered)[number]): number =>
    [...reported.partitions.values()].reduce((sum, { epoch }) => sum + epoch, 0);
  const latest = Math.max(...answered.map(epochs));
  const believed = answered.filter((one) => epochs(one) === latest);
  const ends = new Map<number, string>();
  const [first] = believed;
  if (first !== undefined)
    await Promise.all(
      [...first.reported.partitions].map(async ([partition, { leader }]) => {
        const address = first.reported.addresses.get(leader);
        const end = address === undefined ? null : await endAt(address, topic, partition);
        if (end !== null) ends.set(partition, end);
      }),
    );
  return believed.map(({ by, reported: { brokers, controller, partitions } }) => ({ by, brokers, controller, partitions, ends }));
}
