import { array, bytes, int32, int64, int8, string, struct, uuid } from '../schema.ts';
import { defineCoordinatorRecord } from './coordinator-record.ts';

const memberMetadata = {
  memberId: string('0+'),
  groupInstanceId: string('3+', { nullable: '3+', default: null }),
  clientId: string('0+'),
  clientHost: string('0+'),
  rebalanceTimeout: int32('1+', { default: -1 }),
  sessionTimeout: int32('0+'),
  subscription: bytes('0+'),
  assignment: bytes('0+'),
};

const topicPartitions = {
  topicId: uuid('0+'),
  partitions: array('0+', int32('0+')),
  assignmentEpochs: array('0+', int32('0+'), { nullable: '0+', tag: 0 }),
};

/**
 * The records of `__consumer_offsets` by name: committed offsets, classic groups, and the groups of KIP-848. Offset
 * commits and classic groups are written in version 3, the last one that is not flexible, since every tool reads that.
 */
export const groupSchemas = {
  OffsetCommit: defineCoordinatorRecord({
    type: 1,
    name: 'OffsetCommit',
    key: {
      group: string('0'),
      topic: string('0'),
      partition: int32('0'),
    },
    value: {
      offset: int64('0+'),
      leaderEpoch: int32('3+', { default: -1 }),
      metadata: string('0+'),
      commitTimestamp: int64('0+'),
      expireTimestamp: int64('1', { default: -1n }),
      topicId: uuid('4+', { tag: 0 }),
    },
    versions: [0, 4],
    flexible: 4,
    written: 3,
  }),
  GroupMetadata: defineCoordinatorRecord({
    type: 2,
    name: 'GroupMetadata',
    key: {
      group: string('0'),
    },
    value: {
      protocolType: string('0+'),
      generation: int32('0+'),
      protocol: string('0+', { nullable: '0+' }),
      leader: string('0+', { nullable: '0+' }),
      currentStateTimestamp: int64('2+', { default: -1n }),
      members: array('0+', memberMetadata),
    },
    versions: [0, 4],
    flexible: 4,
    written: 3,
  }),
  ConsumerGroupMetadata: defineCoordinatorRecord({
    type: 3,
    name: 'ConsumerGroupMetadata',
    key: {
      groupId: string('0'),
    },
    value: {
      epoch: int32('0+'),
      metadataHash: int64('0+', { default: 0n, tag: 0 }),
    },
    versions: [0, 0],
    flexible: 0,
    written: 0,
  }),
  ConsumerGroupPartitionMetadata: defineCoordinatorRecord({
    type: 4,
    name: 'ConsumerGroupPartitionMetadata',
    key: {
      groupId: string('0'),
    },
    value: {
      topics: array('0+', {
        topicId: uuid('0+'),
        topicName: string('0+'),
        numPartitions: int32('0+'),
        partitionMetadata: array('0+', {
          partition: int32('0+'),
          racks: array('0+', string('0+')),
        }),
      }),
    },
    versions: [0, 0],
    flexible: 0,
    written: 0,
  }),
  ConsumerGroupMemberMetadata: defineCoordinatorRecord({
    type: 5,
    name: 'ConsumerGroupMemberMetadata',
    key: {
      groupId: string('0'),
      memberId: string('0'),
    },
    value: {
      instanceId: string('0+', { nullable: '0+' }),
      rackId: string('0+', { nullable: '0+' }),
      clientId: string('0+'),
      clientHost: string('0+'),
      subscribedTopicNames: array('0+', string('0+')),
      subscribedTopicRegex: string('0+', { nullable: '0+' }),
      rebalanceTimeoutMs: int32('0+', { default: -1 }),
      serverAssignor: string('0+', { nullable: '0+' }),
      // Absent means an empty struct, not null: a member that speaks the new protocol has to be written with null.
      classicMemberMetadata: struct(
        '0+',
        {
          sessionTimeoutMs: int32('0+'),
          supportedProtocols: array('0+', {
            name: string('0+'),
            metadata: bytes('0+'),
          }),
        },
        { nullable: '0+', tag: 0 },
      ),
    },
    versions: [0, 0],
    flexible: 0,
    written: 0,
  }),
  ConsumerGroupTargetAssignmentMetadata: defineCoordinatorRecord({
    type: 6,
    name: 'ConsumerGroupTargetAssignmentMetadata',
    key: {
      groupId: string('0'),
    },
    value: {
      assignmentEpoch: int32('0+'),
      assignmentTimestamp: int64('0+', { default: 0n, tag: 0 }),
    },
    versions: [0, 0],
    flexible: 0,
    written: 0,
  }),
  ConsumerGroupTargetAssignmentMember: defineCoordinatorRecord({
    type: 7,
    name: 'ConsumerGroupTargetAssignmentMember',
    key: {
      groupId: string('0'),
      memberId: string('0'),
    },
    value: {
      topicPartitions: array('0+', {
        topicId: uuid('0+'),
        partitions: array('0+', int32('0+')),
      }),
    },
    versions: [0, 0],
    flexible: 0,
    written: 0,
  }),
  ConsumerGroupCurrentMemberAssignment: defineCoordinatorRecord({
    type: 8,
    name: 'ConsumerGroupCurrentMemberAssignment',
    key: {
      groupId: string('0'),
      memberId: string('0'),
    },
    value: {
      memberEpoch: int32('0+'),
      previousMemberEpoch: int32('0+'),
      state: int8('0+'),
      assignedPartitions: array('0+', topicPartitions),
      partitionsPendingRevocation: array('0+', topicPartitions),
    },
    versions: [0, 0],
    flexible: 0,
    written: 0,
  }),
  ConsumerGroupRegularExpression: defineCoordinatorRecord({
    type: 16,
    name: 'ConsumerGroupRegularExpression',
    key: {
      groupId: string('0'),
      regularExpression: string('0'),
    },
    value: {
      topics: array('0+', string('0+')),
      version: int64('0+'),
      timestamp: int64('0+'),
    },
    versions: [0, 0],
    flexible: 0,
    written: 0,
  }),
};
