/** Converts the system's times to entries of a snapshot, JSON with 64-bit numbers as text, and back. */
import type { ChildTimes, ControllerTimes, NodeTimes, SystemTimes, TopicTimes } from './system-times.ts';

/** One entry each for the controller, every broker, topic and config; its key and its bytes. */
export function* encodeSystemEntries(times: SystemTimes): Generator<readonly [key: string, data: Buffer]> {
  const { controller, reassignment } = times;
  if (controller !== undefined) yield ['controller', encode(controller)];
  if (reassignment !== undefined) yield ['reassignment', encode(reassignment)];
  yield ['ids', encode(times.ids)];
  yield ['topicNames', encode(times.topicNames)];
  yield ['admin', encode(times.admin)];
  for (const [id, broker] of times.brokers) yield [`broker/${id}`, encode(broker)];
  for (const [name, topic] of times.topics.entries()) yield [`topic/${name}`, encode(topic)];
  for (const [key, config] of times.configs.entries()) yield [`config/${key}`, encode(config)];
}

export function decodeSystemEntry(times: SystemTimes, path: string, data: Uint8Array): SystemTimes {
  const slash = path.indexOf('/');
  const kind = slash < 0 ? path : path.slice(0, slash);
  const key = path.slice(slash + 1);
  const value = decode(data);
  switch (kind) {
    case 'controller':
      return { ...times, controller: value as ControllerTimes };
    case 'reassignment':
      return { ...times, reassignment: value as NodeTimes };
    case 'ids':
    case 'topicNames':
    case 'admin':
      return { ...times, [kind]: value as ChildTimes };
    case 'broker':
      return { ...times, brokers: new Map(times.brokers).set(Number(key), value as NodeTimes) };
    case 'topic':
      return { ...times, topics: times.topics.set(key, value as TopicTimes) };
    case 'config':
      return { ...times, configs: times.configs.set(key, value as NodeTimes) };
    default:
      throw new TypeError(`a snapshot holds ${path}, which this version does not know`);
  }
}

function encode(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? `${inner}n` : inner)));
}

function decode(data: Uint8Array): unknown {
  return JSON.parse(Buffer.from(data).toString('utf8'), (_, inner: unknown) =>
    typeof inner === 'string' && /^-?\d+n$/.test(inner) ? BigInt(inner.slice(0, -1)) : inner,
  );
}
