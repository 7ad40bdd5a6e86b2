import {
  coordinatorRecordType,
  decodeCoordinatorRecord,
  encodeCoordinatorRecord,
  type CoordinatorRecord,
  type CoordinatorRecordIn,
  type CoordinatorSchema,
  type KeyAndValue,
} from './coordinator-record.ts';
import { groupSchemas } from './group-schemas.ts';

/** A record of `__consumer_offsets`; `value` null deletes the entry of the key. */
export type GroupRecord = CoordinatorRecord<typeof groupSchemas>;
export type GroupRecordIn = CoordinatorRecordIn<typeof groupSchemas>;
export type GroupRecordType = keyof typeof groupSchemas;

/** Offset commits before Kafka 0.9 had key type 0; the key's and the value's fields are the same. */
const LEGACY_OFFSET_COMMIT = 0;

const nameByType: ReadonlyMap<number, GroupRecordType> = new Map<number, GroupRecordType>([
  [LEGACY_OFFSET_COMMIT, 'OffsetCommit'],
  ...(Object.keys(groupSchemas) as GroupRecordType[]).map((name): [number, GroupRecordType] => [groupSchemas[name].type, name]),
]);

export function encodeGroupRecord(record: GroupRecordIn): KeyAndValue {
  return encodeCoordinatorRecord(groupSchemas[record.type], record);
}

/** Undefined for a newer record type (share and streams groups): a reader skips it, as Kafka's does. */
export function decodeGroupRecord(key: Buffer, value: Buffer | null): GroupRecord | undefined {
  const type = nameByType.get(coordinatorRecordType(key));
  if (type === undefined) return undefined;
  const schema: CoordinatorSchema = groupSchemas[type];
  return { type, ...decodeCoordinatorRecord(schema, key, value) } as GroupRecord;
}
