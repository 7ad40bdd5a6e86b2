/**
 * Automatic topic creation: topics that a client has named, and the internal ones. The controller gets one request per topic, whatever the
 * number of clients.
 */
import type { Clock, Timer } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import { createTopics } from '../protocol/apis/create-topics.ts';
import { ErrorCode, errorName } from '../protocol/error-codes.ts';
import { KafkaError } from '../protocol/kafka-error.ts';
import type { RequestIn } from '../protocol/schema.ts';
import type { BrokerSettings } from '../quorum/config-definitions.ts';
import type { MetadataImage } from '../quorum/image.ts';
import type { ControllerChannel, TopicCreator } from './context.ts';
import { INTERNAL_TOPICS } from './internal-topics.ts';

/** Maximum number of topics that are requested at the same time; beyond it a client gets a retriable error. */
const MAX_IN_FLIGHT = 1000;
/** How long a response waits, in ms, until the metadata image of this broker has a topic that the controller has created. */
const VISIBLE_WAIT_MS = 1000;

export interface AutoTopicsOptions {
  readonly controller: ControllerChannel;
  readonly settings: BrokerSettings;
  /** Number of nodes of the cluster. */
  readonly nodes: number;
  readonly clock: Clock;
  readonly logger: Logger;
  image(): MetadataImage;
}

type NewTopic = RequestIn<typeof createTopics>['topics'][number];

export class AutoTopics implements TopicCreator {
  private readonly options: AutoTopicsOptions;
  /** Topics that were requested from the controller, and that are not in the image yet. */
  private readonly inFlight = new Map<string, Promise<number>>();
  private waiting: { names: readonly string[]; done: () => void; timer: Timer }[] = [];

  constructor(options: AutoTopicsOptions) {
    this.options = options;
  }

  async create(names: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const fresh = names.filter((name) => !this.inFlight.has(name));
    const room = Math.max(MAX_IN_FLIGHT - this.inFlight.size, 0);
    this.request(fresh.slice(0, room));
    // All are looked up before any is awaited: completed requests leave the map.
    const pending = names.map((name) => this.inFlight.get(name) ?? Promise.resolve(ErrorCode.LEADER_NOT_AVAILABLE));
    const codes = await Promise.all(pending);
    return new Map(names.map((name, index) => [name, codes[index] ?? ErrorCode.LEADER_NOT_AVAILABLE]));
  }

  /** To be called after every new image: completes the requests that wait for a topic to be visible. */
  onImage(): void {
    if (this.waiting.length === 0) return;
    const { topics } = this.options.image();
    const still: typeof this.waiting = [];
    for (const waiter of this.waiting) {
      if (waiter.names.every((name) => topics.has(name))) {
        waiter.timer.cancel();
        waiter.done();
      } else still.push(waiter);
    }
    this.waiting = still;
  }

  private request(names: readonly string[]): void {
    if (names.length === 0) return;
    const answer = this.ask(names);
    for (const name of names) {
      const one = answer.then((codes) => codes.get(name) ?? ErrorCode.UNKNOWN_SERVER_ERROR).finally(() => this.inFlight.delete(name));
      this.inFlight.set(name, one);
    }
  }

  /** Never rejects. */
  private async ask(names: readonly string[]): Promise<Map<string, number>> {
    const { controller, settings, logger } = this.options;
    const codes = new Map<string, number>();
    try {
      const request = { topics: names.map((name) => this.newTopic(name)), timeoutMs: settings.requestTimeoutMs, validateOnly: false };
      const answer = await controller.send(createTopics, createTopics.maxVersion, request, { timeoutMs: settings.requestTimeoutMs });
      for (const { name, errorCode, errorMessage } of answer.topics) {
        const code = this.codeForClient(name, errorCode);
        codes.set(name, code);
        if (code !== ErrorCode.NONE)
          logger.warn('automatic topic creation failed', { topic: name, code: errorName(errorCode), errorMessage });
      }
      await this.visible(names.filter((name) => codes.get(name) === ErrorCode.NONE));
    } catch (error) {
      logger.warn('automatic topic creation failed: no response from the controller', { topics: names, error });
      const code = error instanceof KafkaError ? error.code : ErrorCode.UNKNOWN_SERVER_ERROR;
      for (const name of names) codes.set(name, codes.get(name) ?? this.codeForClient(name, code));
    }
    return codes;
  }

  /** Maps an error code of the controller to one that a client which named the topic understands. */
  private codeForClient(name: string, code: number): number {
    switch (code) {
      case ErrorCode.TOPIC_ALREADY_EXISTS:
        return ErrorCode.NONE;
      case ErrorCode.REQUEST_TIMED_OUT:
      case ErrorCode.NOT_CONTROLLER:
        return ErrorCode.LEADER_NOT_AVAILABLE;
      case ErrorCode.INVALID_REPLICATION_FACTOR:
        // Where the cluster has enough nodes, some have not registered yet: a retry will succeed.
        return this.newTopic(name).replicationFactor <= this.options.nodes ? ErrorCode.LEADER_NOT_AVAILABLE : code;
      default:
        return code;
    }
  }

  private newTopic(name: string): NewTopic {
    const { settings } = this.options;
    const internal = INTERNAL_TOPICS.find((topic) => topic.name === name);
    if (internal !== undefined) {
      return {
        name,
        numPartitions: internal.partitionCount(settings),
        replicationFactor: internal.replicationFactor(settings),
        assignments: [],
        configs: internal.configs(settings),
      };
    }
    const { numPartitions, defaultReplicationFactor: replicationFactor } = settings;
    return { name, numPartitions, replicationFactor, assignments: [], configs: [] };
  }

  /** Resolves when this broker's image has the topics, or after a second. */
  private visible(names: readonly string[]): Promise<void> {
    const { clock } = this.options;
    const { topics } = this.options.image();
    if (names.every((name) => topics.has(name))) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = clock.setTimer(VISIBLE_WAIT_MS, () => {
        this.waiting = this.waiting.filter((waiter) => waiter.timer !== timer);
        resolve();
      });
      this.waiting.push({ names, done: resolve, timer });
    });
  }
}
