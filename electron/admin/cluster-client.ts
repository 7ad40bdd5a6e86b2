/**
 * One cluster, seen so that dead brokers do not matter: it finds the brokers by a Metadata request of our own, sends to
 * each what concerns it, and reports who did not answer beside what the others said.
 */
import { describeCluster } from '../cluster/protocol/apis/describe-cluster.ts';
import { metadata } from '../cluster/protocol/apis/metadata.ts';
import { ErrorCode, isRetriable } from '../cluster/protocol/error-codes.ts';
import type { Api, ResponseOf } from '../cluster/protocol/schema.ts';
import { BrokerLink, type SendOptions } from './broker-link.ts';
import { AdminError, kafkaFailure, UnreachableError } from './errors.ts';

export type ClusterMetadata = ResponseOf<typeof metadata>;

export interface BrokerAddress {
  id: number;
  host: string;
  port: number;
  rack: string | null;
}

/** What one broker of several said. */
export type BrokerAnswer<T> = { broker: number; value: T } | { broker: number; error: AdminError };

/** Time one broker gets for a read before it counts as silent. */
const READ_TIMEOUT_MS = 2_500;
const WRITE_TIMEOUT_MS = 15_000;
const RETRY_PAUSE_MS = 150;

export class ClusterClient {
  private readonly bootstrap: readonly { host: string; port: number }[];
  private readonly clientId: string;
  private readonly links = new Map<string, BrokerLink>();
  private brokers = new Map<number, BrokerAddress>();
  private controllerId = -1;
  private closed = false;

  /** `bootstrap` is null while no address is known: every request then fails with NOT_CONNECTED. */
  constructor(options: { bootstrap: string | null; clientId: string }) {
    this.bootstrap = options.bootstrap === null ? [] : parseBootstrap(options.bootstrap);
    this.clientId = options.clientId;
  }

  private link(host: string, port: number): BrokerLink {
    const address = `${host}:${port}`;
    let link = this.links.get(address);
    if (link === undefined) {
      if (this.closed) throw new AdminError({ code: 'NOT_CONNECTED', message: 'This connection has been closed.' });
      link = new BrokerLink({ host, port, clientId: this.clientId });
      this.links.set(address, link);
    }
    return link;
  }

  /** Brokers as last seen; fenced and dead ones drop out with the next `metadata`. */
  get knownBrokers(): readonly BrokerAddress[] {
    return [...this.brokers.values()];
  }

  /** Metadata of all topics (`null`), of some, or of none (`[]`); never creates one. Asks brokers until one answers. */
  async metadata(topics: readonly string[] | null): Promise<ClusterMetadata> {
    const answer = await this.anyBroker(metadata, {
      topics: topics === null ? null : topics.map((name) => ({ name })),
      allowAutoTopicCreation: false,
    });
    if (answer.brokers.length > 0) {
      this.brokers = new Map(answer.brokers.map(({ nodeId, host, port, rack }) => [nodeId, { id: nodeId, host, port, rack }]));
    }
    this.controllerId = answer.controllerId;
    return answer;
  }

  /** The same as one broker has it, which is behind the others when it is cut off from them. Rejects when it does not answer. */
  async metadataFrom(broker: number, topics: readonly string[]): Promise<ClusterMetadata> {
    return this.onBroker(broker, metadata, { topics: topics.map((name) => ({ name })), allowAutoTopicCreation: false });
  }

  /** Sends to known brokers, then to the bootstrap addresses, until one answers. */
  async anyBroker<In, Out>(api: Api<unknown, In, Out, never>, body: In, options: Partial<SendOptions> = {}): Promise<Out> {
    const known = this.knownBrokers.map(({ host, port }) => ({ host, port }));
    const addresses = [...shuffled(known), ...this.bootstrap];
    const tried = new Set<string>();
    const failures: string[] = [];
    let last: unknown;
    for (const { host, port } of addresses) {
      const address = `${host}:${port}`;
      if (tried.has(address)) continue;
      tried.add(address);
      try {
        return await this.link(host, port).send(api, body, { timeoutMs: READ_TIMEOUT_MS, ...options });
      } catch (error) {
        if (!(error instanceof UnreachableError)) throw error;
        failures.push(error.message.replace(/\.$/, ''));
        last = error;
      }
    }
    if (tried.size === 0) throw new AdminError({ code: 'NOT_CONNECTED', message: 'This cluster is not running.' });
    throw new AdminError(
      {
        code: 'BROKER_UNREACHABLE',
        message: `No broker answered. ${failures.join('; ')}.`,
        advice: 'Check the bootstrap addresses, and that a broker is running.',
      },
      { cause: last },
    );
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
        const again =
          error instanceof UnreachableError || (error instanceof AdminError && error.kafkaCode !== null && isRetriable(error.kafkaCode));
        if (!again || Date.now() + RETRY_PAUSE_MS > deadline) throw error;
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

function shuffled<T>(items: readonly T[]): T[] {
  const copy = [...items];
  for (let i = copy.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [copy[i], copy[j]] = [copy[j] as T, copy[i] as T];
  }
  return copy;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
