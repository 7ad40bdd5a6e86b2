/**
 * A client of one cluster that tolerates dead brokers: it finds brokers by its own Metadata requests, sends each request to the right
 * brokers, and returns failures of brokers beside the responses of the others.
 */
import { describeCluster } from '../cluster/protocol/apis/describe-cluster.ts';
import { metadata } from '../cluster/protocol/apis/metadata.ts';
import { ErrorCode, isRetriable } from '../cluster/protocol/error-codes.ts';
import type { Api, ResponseOf } from '../cluster/protocol/schema.ts';
import { AnswerMemo } from './answer-memo.ts';
import { BrokerLink, type SendOptions } from './broker-link.ts';
import { ClusterIdentity } from './cluster-identity.ts';
import { AdminError, kafkaFailure, UnreachableError } from './errors.ts';
import { hedgedRead } from './hedged-read.ts';
import { LeaderEpochs } from './leader-epochs.ts';
import { pause } from '#shared/waiting';

export type ClusterMetadata = ResponseOf<typeof metadata>;

export interface BrokerAddress {
  id: number;
  host: string;
  port: number;
  rack: string | null;
}

/** The response or failure of one of several brokers. */
export type BrokerAnswer<T> = { broker: number; value: T } | { broker: number; error: AdminError };

/** Time limit of a read at one broker. */
const READ_TIMEOUT_MS = 2_500;
/** After this time another broker receives the request too: far above a usual response time, and short for the user. */
const LATE_MS = 250;
const WRITE_TIMEOUT_MS = 15_000;
const RETRY_PAUSE_MS = 150;

export interface ReadOptions extends SendOptions {
  /** After this time another broker receives the request too; longer for expensive requests. */
  lateMs: number;
  /** The id of a broker that must not answer, since its own answer is to be confirmed. */
  except: number;
}

export class ClusterClient {
  private readonly bootstrap: readonly { host: string; port: number }[];
  private readonly clientId: string;
  private readonly connectHost: string | undefined;
  private readonly identity: ClusterIdentity;
  private readonly links = new Map<string, BrokerLink>();
  private brokers = new Map<number, BrokerAddress>();
  private controllerId = -1;
  private readonly leaderEpochs = new LeaderEpochs();
  private readonly memo = new AnswerMemo();
  private closed = false;

  /**
   * `bootstrap` is null while no address is known: every request then fails with NOT_CONNECTED. `connectHost` is where all brokers are
   * connected to, whatever they advertise: of the embedded cluster, whose advertised host may not be reachable from this machine.
   * `identity` is shared by the clients of one connection.
   */
  constructor(options: { bootstrap: string | null; clientId: string; connectHost?: string | undefined; identity?: ClusterIdentity }) {
    this.identity = options.identity ?? new ClusterIdentity();
    this.connectHost = options.connectHost;
    this.bootstrap = options.bootstrap === null ? [] : parseBootstrap(options.bootstrap);
    this.clientId = options.clientId;
  }

  private link(host: string, port: number): BrokerLink {
    const address = `${host}:${port}`;
    let link = this.links.get(address);
    if (link === undefined) {
      if (this.closed) throw new AdminError({ code: 'NOT_CONNECTED', message: 'This connection has been closed.' });
      const { clientId, connectHost, memo, identity } = this;
      link = new BrokerLink({ host, port, clientId, connectHost, memo, identity });
      this.links.set(address, link);
    }
    return link;
  }

  /** Brokers as last seen; fenced and dead ones drop out with the next `metadata`. */
  get knownBrokers(): readonly BrokerAddress[] {
    return [...this.brokers.values()];
  }

  /** For a client that reads no metadata itself, and would send to the bootstrap addresses only. Both are of one cluster. */
  useBrokersOf({ brokers }: ClusterClient): void {
    if (brokers.size > 0) this.brokers = brokers;
  }

  /**
   * Metadata of all topics (`null`), of some, or of none (`[]`); never creates one. A response that is older than an earlier one is
   * skipped: its broker is isolated, or has not received the newest metadata yet. If all responses are older, the newest is returned.
   */
  async metadata(topics: readonly string[] | null): Promise<ClusterMetadata> {
    const { leaderEpochs } = this;
    const answer = await this.readAny(
      metadata,
      { topics: topics === null ? null : topics.map((name) => ({ name })), allowAutoTopicCreation: false },
      { isRepeated: true },
      (one) => {
        if (leaderEpochs.behind(one.topics) > 0) return false;
        this.take(one, topics === null);
        return true;
      },
    );
    if ('taken' in answer) return answer.taken;
    // As after the cluster was restored from a backup: the epochs known so far are no longer valid.
    const newest = answer.refused.reduce((a, b) => (leaderEpochs.behind(b.topics) < leaderEpochs.behind(a.topics) ? b : a));
    this.take(newest, topics === null);
    return newest;
  }

  private take(answer: ClusterMetadata, isComplete: boolean): void {
    this.leaderEpochs.take(answer.topics, isComplete);
    if (answer.brokers.length > 0) {
      this.brokers = new Map(answer.brokers.map(({ nodeId, host, port, rack }) => [nodeId, { id: nodeId, host, port, rack }]));
    }
    this.controllerId = answer.controllerId;
  }

  /** The same as one broker has it, which is behind the others when it is cut off from them. Rejects when it does not answer. */
  async metadataFrom(broker: number, topics: readonly string[]): Promise<ClusterMetadata> {
    return this.onBroker(broker, metadata, { topics: topics.map((name) => ({ name })), allowAutoTopicCreation: false });
  }

  /** A read that any broker can answer: by the first that does. */
  async anyBroker<In, Out>(api: Api<unknown, In, Out, never>, body: In, options: Partial<ReadOptions> = {}): Promise<Out> {
    const answer = await this.readAny(api, body, options, () => true);
    return 'taken' in answer ? answer.taken : answer.refused[0];
  }

  /**
   * Asks known brokers, then the bootstrap addresses, those that are silent last, each as well as the one before when that is late, until
   * one gives an answer that `takes` takes. Where none does, all that were given; rejects when there was no answer at all.
   */
  private async readAny<In, Out>(
    api: Api<unknown, In, Out, never>,
    body: In,
    { lateMs = LATE_MS, except, ...options }: Partial<ReadOptions>,
    takes: (answer: Out) => boolean,
  ): Promise<{ taken: Out } | { refused: [Out, ...Out[]] }> {
    const links = this.linksToAsk(except);
    if (links.length === 0) throw new AdminError({ code: 'NOT_CONNECTED', message: 'This cluster is not running.' });
    const outcome = await hedgedRead({
      asks: links.map((link) => (signal) => link.read(api, body, { timeoutMs: READ_TIMEOUT_MS, ...options }, signal)),
      lateMs,
      takes,
      onLate: (index) => {
        const link = links[index];
        if (link !== undefined) link.silent = true;
      },
      isPassable: (error): error is UnreachableError => error instanceof UnreachableError,
    });
    if ('taken' in outcome) return outcome;
    const [first, ...others] = outcome.refused;
    if (first !== undefined) return { refused: [first, ...others] };
    // Only where every broker of the cluster was asked: not by a read that leaves one out, nor by a client that knows only the bootstrap.
    if (except === undefined && this.brokers.size > 0 && this.identity.replaceAfter(outcome.failures))
      return this.readAny(api, body, { lateMs, ...options }, takes);
    throw new AdminError(
      {
        code: 'BROKER_UNREACHABLE',
        message: `No broker answered. ${outcome.failures.map(({ message }) => message.replace(/\.$/, '')).join('; ')}.`,
        advice: 'Check the bootstrap addresses, and that a broker is running.',
      },
      { cause: outcome.failures.at(-1) },
    );
  }

  /** Silent ones last; where a broker is left out, none that is silent: a confirmation that does not come at once is not waited for. */
  private linksToAsk(except: number | undefined): BrokerLink[] {
    const links = new Set([...shuffled(this.knownBrokers), ...this.bootstrap].map(({ host, port }) => this.link(host, port)));
    if (except === undefined) return [...links].sort((a, b) => Number(a.silent) - Number(b.silent));
    const left = this.brokers.get(except);
    if (left !== undefined) links.delete(this.link(left.host, left.port));
    return [...links].filter(({ silent }) => !silent);
  }

  /** Sends to one broker by its id. */
  async onBroker<In, Out>(id: number, api: Api<unknown, In, Out, never>, body: In, options: Partial<SendOptions> = {}): Promise<Out> {
    const address = this.brokers.get(id);
    if (address === undefined) throw new UnreachableError(`Broker ${id}`, 'the cluster does not list it now');
    return this.link(address.host, address.port).send(api, body, { timeoutMs: READ_TIMEOUT_MS, ...options });
  }

  /** The version that would be used with a broker; undefined when it lacks the API or has not been reached yet. */
  versionOn(id: number, api: Api, atMost?: number): number | undefined {
    const address = this.brokers.get(id);
    return address === undefined ? undefined : this.link(address.host, address.port).version(api, atMost);
  }

  /** Sends to every listed broker at once. Failures are part of the answer; a bug of ours still throws. */
  async everyBroker<In, Out>(
    api: Api<unknown, In, Out, never>,
    body: In,
    options: Partial<SendOptions> = {},
  ): Promise<BrokerAnswer<Out>[]> {
    return this.eachBroker(
      this.knownBrokers.map(({ id }) => id),
      (id) => this.onBroker(id, api, body, options),
    );
  }

  /** Runs `ask` for each broker at once and collects what came of it. */
  async eachBroker<T>(ids: readonly number[], ask: (id: number) => Promise<T>): Promise<BrokerAnswer<T>[]> {
    return Promise.all(
      ids.map(async (broker): Promise<BrokerAnswer<T>> => {
        try {
          return { broker, value: await ask(broker) };
        } catch (error) {
          if (error instanceof AdminError) return { broker, error };
          throw error;
        }
      }),
    );
  }

  /**
   * Sends a change to the controller (old clusters want that; KRaft brokers pass it on themselves). `failure` reads the
   * answer's error code; NOT_CONTROLLER is tried again until the time is up.
   */
  async onController<In, Out>(
    api: Api<unknown, In, Out, never>,
    body: In,
    codeOf: (answer: Out) => number,
    options: Partial<SendOptions> = {},
  ): Promise<Out> {
    const deadline = Date.now() + (options.timeoutMs ?? WRITE_TIMEOUT_MS);
    for (;;) {
      await this.metadata([]);
      const target = this.brokers.has(this.controllerId) ? this.controllerId : this.knownBrokers[0]?.id;
      if (target === undefined) throw new AdminError({ code: 'BROKER_UNREACHABLE', message: 'The cluster lists no live broker.' });
      const answer = await this.onBroker(target, api, body, { timeoutMs: Math.max(1, deadline - Date.now()), ...options });
      const code = codeOf(answer);
      if (code !== ErrorCode.NOT_CONTROLLER || Date.now() + RETRY_PAUSE_MS > deadline) return answer;
      await pause(RETRY_PAUSE_MS);
    }
  }

  /** Calls `attempt` again while it fails with a retriable Kafka error, until `timeoutMs` is over. */
  async retrying<T>(attempt: () => Promise<T>, timeoutMs = WRITE_TIMEOUT_MS): Promise<T> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      try {
        return await attempt();
      } catch (error) {
        if (!isWorthRetrying(error) || Date.now() + RETRY_PAUSE_MS > deadline) throw error;
        await pause(RETRY_PAUSE_MS);
      }
    }
  }

  /** The cluster's id and the controller by DescribeCluster; null where it is not spoken. */
  async describeCluster(): Promise<{ clusterId: string; controllerId: number } | null> {
    try {
      const answer = await this.anyBroker(describeCluster, {
        includeClusterAuthorizedOperations: false,
        endpointType: 1,
        includeFencedBrokers: false,
      });
      if (answer.errorCode !== 0) throw kafkaFailure(answer.errorCode, { message: answer.errorMessage });
      return { clusterId: answer.clusterId, controllerId: answer.controllerId };
    } catch (error) {
      if (error instanceof AdminError && error.app.code === 'UNSUPPORTED_VERSION') return null;
      throw error;
    }
  }

  close(): void {
    this.closed = true;
    for (const link of this.links.values()) link.close();
    this.links.clear();
  }
}

/** True when metadata names no usable leader for the partition. */
export function isLeaderUnknown(partition: { leaderId: number; errorCode: number }): boolean {
  return partition.leaderId < 0 || partition.errorCode === ErrorCode.LEADER_NOT_AVAILABLE;
}

/** `host:port,host:port` (9092 where no port is given); throws with the field's name when it cannot be read. */
export function parseBootstrap(text: string): { host: string; port: number }[] {
  const addresses = text
    .split(/[\s,]+/)
    .filter((part) => part !== '')
    .map((part) => {
      const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:/\s]+))(?::(\d{1,5}))?$/.exec(part);
      const port = Number(match?.[3] ?? 9092);
      if (match === null || port < 1 || port > 65_535) {
        throw new AdminError({
          code: 'INVALID_PAYLOAD',
          message: `"${part}" is not an address.`,
          advice: 'Write host:port, several with commas between.',
          field: 'bootstrap',
        });
      }
      return { host: (match[1] ?? match[2]) as string, port };
    });
  if (addresses.length === 0) {
    throw new AdminError({ code: 'INVALID_PAYLOAD', message: 'An address is needed: host:port.', field: 'bootstrap' });
  }
  return addresses;
}

/** Throws Kafka's error where the metadata has no such topic or partition, or no leader of it. */
export function leaderOf(meta: ClusterMetadata, topic: string, partition: number): number {
  const known = meta.topics.find(({ name }) => name === topic);
  const found = known?.partitions.find((one) => one.partitionIndex === partition);
  const subject = `${topic}-${partition}`;
  if (found === undefined && known !== undefined && known.errorCode !== 0 && known.errorCode !== ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    throw kafkaFailure(known.errorCode, { subject });
  if (found === undefined) {
    const has = known?.partitions.length ?? 0;
    const message =
      has === 0 ? `There is no topic ${topic}.` : `Topic ${topic} has no partition ${partition}: it has ${has}, counted from 0.`;
    throw kafkaFailure(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, { message, subject });
  }
  if (isLeaderUnknown(found)) {
    throw kafkaFailure(ErrorCode.LEADER_NOT_AVAILABLE, { message: `${subject} has no leader now.`, subject });
  }
  return found.leaderId;
}

/** True if a leader has moved or a broker does not answer. */
export function isWorthRetrying(error: unknown): boolean {
  return error instanceof UnreachableError || (error instanceof AdminError && error.kafkaCode !== null && isRetriable(error.kafkaCode));
}

function shuffled<T>(items: readonly T[]): T[] {
  const copy = [...items];
  for (let i = copy.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [copy[i], copy[j]] = [copy[j] as T, copy[i] as T];
  }
  return copy;
}
