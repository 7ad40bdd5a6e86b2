/** Text about znodes: the purpose of system paths, the metadata records that they are derived from, and readable stats. */
import type { Znode, ZnodeStat } from '#shared/models/lab';
import { formatAgo, formatBytes, formatCount, formatMoment, plural } from '../format/numbers.ts';

export interface ZnodeMeaning {
  what: string;
  /** Where KRaft has the same; null where it has nothing like it. */
  kraft: string | null;
}

/** First match wins. Names after Kafka's own layout in ZooKeeper, and after the records of its metadata log (KIP-500, KIP-631). */
const MEANINGS: [RegExp, ZnodeMeaning][] = [
  [/^\/$/, { what: 'The root. Kafka’s own tree is below it; every other path belongs to the client that creates it.', kraft: null }],
  [
    /^\/controller$/,
    {
      what: 'The active controller. Ephemeral: deleted with the session that created it, and a watch on it fires when the controller changes.',
      kraft: 'The leader of the metadata quorum and its epoch (DescribeQuorum); no record, an election.',
    },
  ],
  [
    /^\/controller_epoch$/,
    {
      what: 'The controller epoch; requests of earlier controllers are rejected by it.',
      kraft: 'The leader epoch of the metadata quorum.',
    },
  ],
  [/^\/cluster\/id$/, { what: 'The cluster’s id, made once.', kraft: 'meta.properties of every node; cluster.id in Metadata answers.' }],
  [/^\/cluster$/, { what: 'Data of the cluster as a whole.', kraft: null }],
  [
    /^\/brokers\/ids\/\d+$/,
    {
      what: 'A broker that is alive, and where it listens. Ephemeral: it lives as long as the broker’s session. Its czxid is the broker epoch.',
      kraft: 'RegisterBrokerRecord, fenced and unfenced by BrokerRegistrationChangeRecord; the session is the heartbeat to the controller.',
    },
  ],
  [/^\/brokers\/ids$/, { what: 'The brokers that are alive, one child each.', kraft: 'Registered brokers that are not fenced.' }],
  [
    /^\/brokers\/topics\/[^/]+\/partitions\/\d+\/state$/,
    {
      what: 'Leader, leader epoch and in-sync replicas of a partition, as the controller decided last.',
      kraft: 'PartitionRecord and PartitionChangeRecord.',
    },
  ],
  [/^\/brokers\/topics\/[^/]+\/partitions\/\d+$/, { what: 'A partition.', kraft: 'PartitionRecord.' }],
  [/^\/brokers\/topics\/[^/]+\/partitions$/, { what: 'The partitions of the topic.', kraft: 'PartitionRecord, one each.' }],
  [
    /^\/brokers\/topics\/[^/]+$/,
    { what: 'A topic: its id, and which brokers hold each partition.', kraft: 'TopicRecord, and the replicas in PartitionRecord.' },
  ],
  [/^\/brokers\/topics$/, { what: 'The topics, one child each.', kraft: 'TopicRecord, one each.' }],
  [/^\/brokers\/seqid$/, { what: 'Its version gives out ids to brokers that have none.', kraft: null }],
  [/^\/brokers$/, { what: 'Brokers and topics.', kraft: null }],
  [
    /^\/config\/(topics|brokers|clients|users)\/[^/]+$/,
    { what: 'Settings that override the defaults, for this one.', kraft: 'ConfigRecord; quotas are ClientQuotaRecord.' },
  ],
  [/^\/config\/changes(\/|$)/, { what: 'Notifies brokers of changed settings.', kraft: 'Nothing: brokers read the metadata log.' }],
  [/^\/config(\/|$)/, { what: 'Settings of topics, brokers, clients and users.', kraft: 'ConfigRecord.' }],
  [
    /^\/admin\/reassign_partitions$/,
    {
      what: 'Write a plan here to reassign partitions.',
      kraft: 'AlterPartitionReassignments; adding and removing replicas in PartitionChangeRecord.',
    },
  ],
  [/^\/admin\/preferred_replica_election$/, { what: 'Write partitions here to elect their preferred replicas.', kraft: 'ElectLeaders.' }],
  [/^\/admin\/delete_topics(\/|$)/, { what: 'Topics that are to be deleted.', kraft: 'RemoveTopicRecord.' }],
  [/^\/admin(\/|$)/, { what: 'Where tools leave requests for the controller.', kraft: 'Requests to the controller.' }],
  [
    /^\/isr_change_notification(\/|$)/,
    { what: 'Where leaders announced changed ISRs.', kraft: 'AlterPartition, a request from the leader to the controller.' },
  ],
  [/^\/consumers(\/|$)/, { what: 'Offsets of consumers from before Kafka 0.9.', kraft: 'None: offsets live in __consumer_offsets.' }],
  [/^\/feature$/, { what: 'Feature levels that the cluster has agreed on.', kraft: 'FeatureLevelRecord, metadata.version above all.' }],
];

export const explainZnode = (path: string): ZnodeMeaning | null => MEANINGS.find(([pattern]) => pattern.test(path))?.[1] ?? null;

export const parentOf = (path: string): string => (path.lastIndexOf('/') <= 0 ? '/' : path.slice(0, path.lastIndexOf('/')));
export const childPath = (path: string, name: string): string => (path === '/' ? `/${name}` : `${path}/${name}`);
export const nameOf = (path: string): string => (path === '/' ? '/' : path.slice(path.lastIndexOf('/') + 1));

/** From the root to the path's parent. */
export function ancestorsOf(path: string): string[] {
  const list: string[] = [];
  for (let at = path; at !== '/';) {
    at = parentOf(at);
    list.unshift(at);
  }
  return list;
}

/** A path as one types it: a leading slash is added, a trailing one taken away. Null when it is none. */
export function cleanPath(text: string): string | null {
  const path = `/${text.trim()}`.replace(/\/{2,}/g, '/').replace(/(.)\/$/, '$1');
  return path.length > 4_096 || /(^|\/)\.{1,2}(\/|$)/.test(path) ? null : path;
}

/** The data as it is best read: JSON on its lines, text as it is, bytes sixteen a line. */
export function layOutData(data: Znode['data']): { kind: 'none' | 'json' | 'text' | 'hex'; text: string } {
  if (data.encoding === 'null' || data.text === '') return { kind: 'none', text: '' };
  if (data.encoding === 'hex')
    return {
      kind: 'hex',
      text: data.text
        .replace(/(..)/g, '$1 ')
        .replace(/(.{47}) /g, '$1\n')
        .trim(),
    };
  if (/^\s*[[{]/.test(data.text)) {
    try {
      return { kind: 'json', text: shortLists(JSON.stringify(JSON.parse(data.text), null, 2)) };
    } catch (error) {
      // Text that looks like JSON and is not: shown as the text that it is.
      if (!(error instanceof SyntaxError)) throw error;
    }
  }
  return { kind: 'text', text: data.text };
}

/** `[1, 2, 3]` on one line, where it is short. */
const shortLists = (json: string): string =>
  json.replace(/\[\n\s+([^[\]{}]{1,80}?)\n\s+\]/g, (_, inside: string) => `[${inside.replace(/,\n\s+/g, ', ')}]`);

/** The stat's figures in words, with their names in the protocol for those who know them. */
export function listStatFields(stat: ZnodeStat, now: number): { label: string; value: string; term: string; title?: string }[] {
  const hex = (zxid: string): string => `0x${BigInt(zxid).toString(16)}`;
  /** The root and what ZooKeeper begins with carry no time. */
  const timestamp = (at: number, zxid: string): { value: string; title?: string } =>
    at === 0 ? { value: `with the tree itself, ${hex(zxid)}` } : { value: `${formatAgo(at, now)}, ${hex(zxid)}`, title: formatMoment(at) };
  return [
    { label: 'Created', term: 'ctime, czxid', ...timestamp(stat.ctime, stat.czxid) },
    { label: 'Written last', term: 'mtime, mzxid', ...timestamp(stat.mtime, stat.mzxid) },
    { label: 'Writes', term: 'version', value: stat.version === 0 ? 'none since' : formatCount(stat.version) },
    {
      label: 'Children',
      term: 'numChildren, cversion, pzxid',
      value:
        stat.numChildren === 0 && stat.cversion === 0
          ? 'none ever'
          : `${formatCount(stat.numChildren)}, ${plural(stat.cversion, 'change')}, last at ${hex(stat.pzxid)}`,
    },
    { label: 'Data', term: 'dataLength', value: stat.dataLength === 0 ? 'none' : formatBytes(stat.dataLength) },
    {
      label: 'Lifetime',
      term: 'ephemeralOwner',
      value: stat.ephemeralOwner === null ? 'until it is deleted' : `as long as session ${stat.ephemeralOwner}`,
    },
  ];
}
