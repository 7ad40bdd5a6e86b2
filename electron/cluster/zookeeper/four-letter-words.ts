/** ZooKeeper's four-letter words: four bytes on a new connection, answered with text, then closed. */
import { countBelow } from './tree.ts';
import type { Endpoint } from './endpoint.ts';

/** Facts in the responses that are not in the tree. */
export interface ServerFacts {
  readonly version: string;
  readonly host: string;
  readonly port: number;
  /** Of the metadata quorum. */
  readonly mode: 'leader' | 'follower' | 'standalone' | 'read-only';
  readonly minLatencyMs: number;
  readonly averageLatencyMs: number;
  readonly maxLatencyMs: number;
  readonly received: number;
  readonly sent: number;
  readonly outstanding: number;
  readonly uptimeMs: number;
  readonly minSessionTimeoutMs: number;
  readonly maxSessionTimeoutMs: number;
  readonly connections: readonly ConnectionFacts[];
}

export interface ConnectionFacts {
  readonly remote: string;
  readonly sessionId: bigint;
  readonly timeoutMs: number;
  readonly received: number;
  readonly sent: number;
  readonly waiting: number;
}

type Answer = (endpoint: Endpoint, facts: ServerFacts) => string;

const WORDS: Readonly<Record<string, Answer>> = {
  ruok: () => 'imok',
  isro: (endpoint) => (endpoint.writable ? 'rw' : 'ro'),
  srvr: (endpoint, facts) => `Zookeeper version: ${facts.version}\n${statistics(endpoint, facts)}`,
  stat: (endpoint, facts) => `Zookeeper version: ${facts.version}\nClients:\n${clients(facts)}\n${statistics(endpoint, facts)}`,
  cons: (_, facts) => `${clients(facts)}\n`,
  mntr: monitor,
  conf: (endpoint, facts) =>
    lines(
      {
        clientPort: facts.port,
        clientPortAddress: facts.host,
        minSessionTimeout: facts.minSessionTimeoutMs,
        maxSessionTimeout: facts.maxSessionTimeoutMs,
        serverId: endpoint.nodeId,
      },
      '=',
    ),
  dump,
  wchs: ({ watches }) => `${watches.watchers} connections watching ${watches.paths} paths\nTotal watches:${watches.size}\n`,
  envi: (_, facts) => `Environment:\n${lines({ 'zookeeper.version': facts.version, 'host.name': facts.host }, '=')}`,
};

export function isWord(word: string): boolean {
  return Object.hasOwn(WORDS, word);
}

export function answerWord(word: string, endpoint: Endpoint, facts: ServerFacts): string {
  return Object.hasOwn(WORDS, word) ? (WORDS[word]?.(endpoint, facts) ?? '') : '';
}

function statistics(endpoint: Endpoint, facts: ServerFacts): string {
  const view = endpoint.coordination.zookeeperView();
  const { offset } = view.image;
  return lines(
    {
      'Latency min/avg/max': `${facts.minLatencyMs.toFixed(0)}/${facts.averageLatencyMs.toFixed(4)}/${facts.maxLatencyMs.toFixed(0)}`,
      Received: facts.received,
      Sent: facts.sent,
      Connections: facts.connections.length,
      Outstanding: facts.outstanding,
      Zxid: `0x${(offset < 0n ? 0n : offset).toString(16)}`,
      Mode: facts.mode,
      'Node count': countBelow(view, '/') + 1,
    },
    ': ',
  );
}

function monitor(endpoint: Endpoint, facts: ServerFacts): string {
  const view = endpoint.coordination.zookeeperView();
  const { sessions } = view.zookeeper;
  let ephemerals = view.zookeeper.system.brokers.size;
  for (const session of sessions.values()) ephemerals += session.ephemerals.size;
  return lines(
    {
      zk_version: facts.version,
      zk_server_state: facts.mode,
      zk_peer_state: facts.mode === 'leader' ? 'leading - broadcast' : facts.mode === 'follower' ? 'following - broadcast' : facts.mode,
      zk_min_latency: facts.minLatencyMs.toFixed(0),
      zk_avg_latency: facts.averageLatencyMs.toFixed(4),
      zk_max_latency: facts.maxLatencyMs.toFixed(0),
      zk_packets_received: facts.received,
      zk_packets_sent: facts.sent,
      zk_num_alive_connections: facts.connections.length,
      zk_outstanding_requests: facts.outstanding,
      zk_znode_count: countBelow(view, '/') + 1,
      zk_watch_count: endpoint.watches.size,
      zk_ephemerals_count: ephemerals,
      zk_global_sessions: sessions.size,
      zk_uptime: Math.round(facts.uptimeMs),
    },
    '\t',
  );
}

/** Sessions and their ephemeral nodes. */
function dump(endpoint: Endpoint): string {
  const { sessions } = endpoint.coordination.zookeeperView().zookeeper;
  const owners = [...sessions.values()].filter((session) => session.ephemerals.size > 0);
  return [
    `SessionTracker dump:`,
    `Global Sessions(${sessions.size}):`,
    ...[...sessions.values()].map((session) => `${hex(session.id)}\t${session.timeoutMs}ms`),
    'ephemeral nodes dump:',
    `Sessions with Ephemerals (${owners.length}):`,
    ...owners.flatMap((session) => [`${hex(session.id)}:`, ...[...session.ephemerals.keys()].map((path) => `\t${path}`)]),
    '',
  ].join('\n');
}

function clients({ connections }: ServerFacts): string {
  return connections
    .map(
      ({ remote, sessionId, timeoutMs, received, sent, waiting }) =>
        ` /${remote}[1](queued=${waiting},recved=${received},sent=${sent}${sessionId === 0n ? '' : `,sid=${hex(sessionId)},to=${timeoutMs}`})\n`,
    )
    .join('');
}

function hex(id: bigint): string {
  return `0x${BigInt.asUintN(64, id).toString(16)}`;
}

function lines(values: Readonly<Record<string, string | number>>, separator: string): string {
  return Object.entries(values)
    .map(([name, value]) => `${name}${separator}${value}\n`)
    .join('');
}
