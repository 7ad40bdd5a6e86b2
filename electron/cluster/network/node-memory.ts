/**
 * Limits on the memory of the requests of one node, over all its listeners. Other nodes have a share of their own, so that clients cannot
 * starve replication and heartbeats.
 */
import type { Clock } from '../lib/clock.ts';
import { AnswerMemory } from './answer-memory.ts';
import { RequestMemory } from './request-memory.ts';

export interface NodeMemory {
  /** Requests of clients. */
  readonly clients: RequestMemory;
  /** Requests of other nodes. */
  readonly peers: RequestMemory;
  /** Responses to clients. Those to other nodes are bounded by `replica.fetch.response.max.bytes` and the number of nodes. */
  readonly answers: AnswerMemory;
}

export function createNodeMemory(clock: Clock, maxFrameBytes: number): NodeMemory {
  return {
    clients: new RequestMemory({ clock, maxFrameBytes }),
    peers: new RequestMemory({ clock, maxFrameBytes }),
    answers: new AnswerMemory(clock),
  };
}
