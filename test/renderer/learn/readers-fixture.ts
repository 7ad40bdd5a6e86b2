/** Groups, loads, sessions and znodes for diagrams, and the invariants of any diagram. */
import { expect } from 'vitest';
import type { GroupMember, GroupRow } from '../../../shared/models/cluster.ts';
import type { ZooKeeperClients, ZooKeeperClientSession } from '../../../shared/models/zookeeper-clients.ts';
import type { Znode } from '../../../shared/models/lab.ts';
import type { LoadMember, LoadRow } from '../../../shared/models/load.ts';
import { edgeShape, placeCells } from '../../../renderer/diagrams/diagram-draw.ts';
import type { Diagram } from '../../../renderer/diagrams/diagram.ts';
import { LEARN_TOPIC } from '../../../renderer/learn/concept.ts';
import { CONSUMER_LOAD } from '../../../renderer/learn/readers.ts';
import { groupPartition } from '../../helpers/group-partition.ts';

export const WIDTHS = [380, 474, 620, 778, 1_100];

/** Checks that a diagram is within its width, with unique ids, edges between boxes, and no undefined value. */
export function expectSound(diagram: Diagram): void {
  const ids = [...diagram.boxes, ...diagram.edges, ...(diagram.glyphs ?? []), ...(diagram.texts ?? [])].map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  for (const box of diagram.boxes) {
    expect(box.x, box.id).toBeGreaterThanOrEqual(0);
    expect(box.x + box.width, box.id).toBeLessThanOrEqual(diagram.width + 1);
    expect(box.y + box.height, box.id).toBeLessThanOrEqual(diagram.height + 1);
    for (const { x, width } of placeCells(box)) expect(x + width, box.id).toBeLessThanOrEqual(box.width);
  }
  for (const edge of diagram.edges) expect(edgeShape(diagram, edge), edge.id).not.toBeNull();
  for (const pulse of diagram.pulses ?? []) expect(diagram.edges.map(({ id }) => id)).toContain(pulse.edge);
  expect(JSON.stringify(diagram)).not.toMatch(/NaN|undefined/);
  for (const line of [...diagram.description, diagram.caption, ...(diagram.steps?.of ?? [])])
    expect(line).not.toMatch(/undefined|null|NaN|!/);
}

export function groupMember(number: number, partitions: number[], group = CONSUMER_LOAD.name): GroupMember {
  return {
    memberId: `load-${group}-${number}-uuid`,
    instanceId: null,
    clientId: `load-${group}-${number}`,
    host: '/127.0.0.1',
    assignment: partitions.length === 0 ? [] : [{ topic: LEARN_TOPIC, partitions }],
  };
}

/** `offsets` by partition: committed and end. */
export function groupRow(
  id: string,
  members: GroupMember[],
  offsets: [committed: string | null, end: string][],
  more: Partial<GroupRow> = {},
): GroupRow {
  const lags = offsets.map(([committed, end]) => (committed === null ? null : BigInt(end) - BigInt(committed)));
  return {
    id,
    state: members.length === 0 ? 'Empty' : 'Stable',
    protocolType: 'consumer',
    protocol: 'RoundRobinAssigner',
    coordinator: 2,
    members,
    partitions: offsets.map(([committed, endOffset], partition) =>
      groupPartition({
        topic: LEARN_TOPIC,
        partition,
        memberId: members.find(({ assignment }) => assignment[0]?.partitions.includes(partition))?.memberId ?? null,
        leader: (partition % 3) + 1,
        committed,
        endOffset,
        lag: lags[partition] === null ? null : `${lags[partition]}`,
      }),
    ),
    lag: `${lags.reduce<bigint>((sum, lag) => sum + (lag ?? 0n), 0n)}`,
    unknown: lags.filter((lag) => lag === null).length,
    error: null,
    asOf: 1_700_000_000_000,
    ...more,
  };
}

export function loadMember(
  number: number,
  partitions: number[],
  state: LoadMember['state'] = 'consuming',
  group = CONSUMER_LOAD.name,
): LoadMember {
  return {
    number,
    memberId: `load-${group}-${number}-uuid`,
    state,
    assignment: [{ topic: LEARN_TOPIC, partitions }],
    consumed: 10,
  };
}

/** `read`: by partition, the offset after the last consumed record. */
export function groupLoad(
  name: string,
  members: LoadMember[],
  more: { repeated?: number; crashes?: number; read?: (string | null)[]; state?: LoadRow['state'] } = {},
): LoadRow {
  return {
    id: 1,
    spec: { ...CONSUMER_LOAD, name },
    state: more.state ?? 'running',
    since: 1_000,
    error: null,
    written: null,
    consumed: {
      consumed: 40,
      repeated: more.repeated ?? 0,
      perSecond: 5,
      rebalances: 1,
      crashes: more.crashes ?? 0,
      members,
      positions: (more.read ?? []).flatMap((next, partition) => (next === null ? [] : [{ topic: LEARN_TOPIC, partition, next }])),
    },
  };
}

export function znode(path: string, more: { data?: string; children?: string[]; owner?: string } = {}): Znode {
  const { data = '', children = [], owner = null } = more;
  return {
    path,
    data: { encoding: 'utf8', text: data },
    children,
    answeredBy: 1,
    stat: {
      czxid: '3',
      mzxid: '9',
      pzxid: '9',
      ctime: 1_000,
      mtime: 1_000,
      version: 0,
      cversion: 0,
      aversion: 0,
      ephemeralOwner: owner,
      dataLength: data.length,
      numChildren: children.length,
    },
  };
}

/** Three registered brokers except those in `gone`, broker 1 as the controller, and the user's nodes. */
export function tree(own: [name: string, owner: string | null][] = [], gone: number[] = []): ReadonlyMap<string, Znode | null> {
  const alive = [1, 2, 3].filter((id) => !gone.includes(id));
  return new Map<string, Znode | null>([
    ['/', znode('/', { children: ['brokers', 'controller'] })],
    ['/controller', znode('/controller', { data: '{"version":1,"brokerid":1,"timestamp":"5"}', owner: '0x180000000000006' })],
    ['/controller_epoch', znode('/controller_epoch', { data: '4' })],
    ['/brokers/ids', znode('/brokers/ids', { children: alive.map(String) })],
    ...[1, 2, 3].map((id): [string, Znode | null] => [
      `/brokers/ids/${id}`,
      alive.includes(id) ? znode(`/brokers/ids/${id}`, { owner: `0x${id}80000000000006` }) : null,
    ]),
    ['/brokers/topics', znode('/brokers/topics', { children: ['learn-orders'] })],
    ['/learn', own.length === 0 ? null : znode('/learn', { children: own.map(([name]) => name) })],
    ...own.map(([name, owner]): [string, Znode] => [`/learn/${name}`, znode(`/learn/${name}`, owner === null ? {} : { owner })]),
  ]);
}

export function session(more: Partial<ZooKeeperClientSession> = {}): ZooKeeperClientSession {
  return {
    role: 'own',
    state: 'connected',
    since: 1_700_000_000_000 - 1_500,
    sessionId: '0x100000000000021',
    askedTimeoutMs: 4_000,
    timeoutMs: 4_000,
    broker: 1,
    lastSentAt: null,
    ephemerals: [],
    resumed: 0,
    problem: null,
    ...more,
  };
}

export function clients(more: Partial<ZooKeeperClients> = {}): ZooKeeperClients {
  return { own: session(), watcher: null, watches: [], fired: [], steps: [], ...more };
}
