/** A client that periodically creates a topic and records each outcome. Requests do not wait for each other. */
import { createTopics } from '../../electron/cluster/protocol/apis/create-topics.ts';
import { ErrorCode } from '../../electron/cluster/protocol/error-codes.ts';
import { Client, type ClientOptions } from './client.ts';

export interface Creation {
  readonly name: string;
  readonly sentAt: number;
  /** Of the request. */
  readonly timeoutMs: number;
  /** Client timeout, in ms; the client may send the request at the very end of it. */
  readonly patienceMs: number;
  createdAt?: number;
}

export interface TopicCreatorOptions extends ClientOptions {
  everyMs: number;
  timeoutMs: number;
  /** `timeoutMs` if absent. */
  patienceMs?: number;
  replicas: number;
}

export class TopicCreator {
  readonly client: Client;
  readonly creations: Creation[] = [];
  private readonly options: TopicCreatorOptions;
  private creating = true;

  constructor(options: TopicCreatorOptions) {
    this.options = options;
    this.client = new Client(options);
  }

  start(): void {
    void this.run();
  }

  stop(): void {
    this.creating = false;
  }

  private async run(): Promise<void> {
    const { client, options } = this;
    while (this.creating && client.alive) {
      void this.create(`${options.name}-${this.creations.length}`);
      await client.sleep(options.everyMs * (0.8 + 0.4 * client.random.next()));
    }
  }

  private async create(name: string): Promise<void> {
    const { client, options } = this;
    const { timeoutMs, patienceMs = timeoutMs, replicas, world } = options;
    const creation: Creation = { name, sentAt: world.time, timeoutMs, patienceMs };
    this.creations.push(creation);
    const body = { topics: [{ name, numPartitions: 1, replicationFactor: replicas, assignments: [], configs: [] }], timeoutMs };
    try {
      const answer = await client.anywhere(createTopics, 5, body, patienceMs);
      if (answer.topics[0]?.errorCode === ErrorCode.NONE) creation.createdAt = world.time;
    } catch {
      // The metadata shows whether it was created.
    }
  }
}
