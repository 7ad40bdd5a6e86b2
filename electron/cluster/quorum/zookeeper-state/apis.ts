/**
 * Requests of a node's ZooKeeper endpoint to the active controller: private APIs between the nodes of the cluster, on the CONTROLLER listener.
 * Their keys are far above Apache Kafka's.
 */
import { FIRST_PRIVATE_KEY } from '../../protocol/api-keys.ts';
import { array, bytes, defineApi, int16, int32, int64, int8, string, struct } from '../../protocol/schema.ts';

/** Transactions of one client, decided in their order; each is atomic. */
export const coordinationWrite = defineApi({
  key: FIRST_PRIVATE_KEY,
  name: 'CoordinationWrite',
  versions: [0, 0],
  flexible: 0,
  request: {
    sessionId: int64('0+'),
    /** The connection; a session that has moved to another one is answered SESSIONMOVED. */
    holder: int64('0+'),
    /** Differs for every request of a session: a repeated request is not decided twice. */
    request: int64('0+'),
    transactions: array('0+', {
      operations: array('0+', {
        /** ZooKeeper's: 1 create, 2 delete, 5 setData, 7 setACL, 13 check, 19 create a container, 21 create with a time to live. */
        type: int8('0+'),
        path: string('0+'),
        data: bytes('0+', { nullable: '0+', default: null }),
        /** Of a create. */
        flags: int32('0+', { default: 0 }),
        /** Of a create with a time to live, in milliseconds. */
        ttlMs: int64('0+', { default: -1n }),
        /** −1: any. */
        version: int32('0+', { default: -1 }),
        permissions: int32('0+', { default: 31 }),
      }),
    }),
  },
  response: {
    /** Kafka's; DUPLICATE_SEQUENCE_NUMBER when the request was decided before. */
    errorCode: int16('0+'),
    errorMessage: string('0+', { nullable: '0+', default: null }),
    /** ZooKeeper's, when the session has ended or moved: no transaction was decided. */
    failure: int32('0+', { default: 0 }),
    transactions: array(
      '0+',
      {
        /** Log offset of the change; without a change, of the newest one. */
        zxid: int64('0+', { default: 0n }),
        /** ZooKeeper's, of the first operation that failed; nothing was changed. */
        failure: int32('0+', { default: 0 }),
        results: array(
          '0+',
          {
            failure: int32('0+', { default: 0 }),
            /** Path of the created node, with the number of a sequential one. */
            path: string('0+', { default: '' }),
            stat: struct(
              '0+',
              {
                czxid: int64('0+'),
                mzxid: int64('0+'),
                ctime: int64('0+'),
                mtime: int64('0+'),
                version: int32('0+'),
                cversion: int32('0+'),
                aversion: int32('0+'),
                ephemeralOwner: int64('0+'),
                dataLength: int32('0+'),
                numChildren: int32('0+'),
                pzxid: int64('0+'),
              },
              { nullable: '0+', default: null },
            ),
          },
          { default: [] },
        ),
      },
      { default: [] },
    ),
  },
});

export const SessionAction = { open: 0, resume: 1, close: 2 } as const;

/** Opens, moves and closes sessions, in order: one commit for all requests that a node has collected. */
export const coordinationSession = defineApi({
  key: FIRST_PRIVATE_KEY + 1,
  name: 'CoordinationSession',
  versions: [0, 0],
  flexible: 0,
  request: {
    nodeId: int32('0+'),
    sessions: array('0+', {
      action: int8('0+'),
      holder: int64('0+'),
      sessionId: int64('0+', { default: 0n }),
      password: bytes('0+', { nullable: '0+', default: null }),
      timeoutMs: int32('0+', { default: 0 }),
    }),
  },
  response: {
    errorCode: int16('0+'),
    errorMessage: string('0+', { nullable: '0+', default: null }),
    sessions: array(
      '0+',
      {
        errorCode: int16('0+', { default: 0 }),
        errorMessage: string('0+', { nullable: '0+', default: null }),
        zxid: int64('0+', { default: 0n }),
        /** 0: unknown session or wrong password. */
        sessionId: int64('0+', { default: 0n }),
        password: bytes('0+', { nullable: '0+', default: null }),
        timeoutMs: int32('0+', { default: 0 }),
      },
      { default: [] },
    ),
  },
});

/** The sessions that were active at a node since its last report; without any it asks for the end of the metadata. */
export const coordinationTouch = defineApi({
  key: FIRST_PRIVATE_KEY + 2,
  name: 'CoordinationTouch',
  versions: [0, 0],
  flexible: 0,
  request: { sessionIds: array('0+', int64('0+')) },
  response: {
    errorCode: int16('0+'),
    errorMessage: string('0+', { nullable: '0+', default: null }),
    zxid: int64('0+', { default: 0n }),
    /** The reported sessions that have ended. */
    ended: array('0+', int64('0+'), { default: [] }),
  },
});
