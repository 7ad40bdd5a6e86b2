/**
 * Requests of the endpoint to the active controller that open, move and close sessions. Requests that arrive during another are sent together
 * afterwards: thousands of clients that reconnect at once, as after the loss of a broker, cost a few commits instead of one each.
 */
import { ErrorCode } from '../protocol/error-codes.ts';
import { coordinationSession } from '../quorum/zookeeper-state/apis.ts';
import { QUORUM_TIMEOUT_MS, type Coordination } from './endpoint.ts';
import { OutcomeUnknown, type SessionAnswer, type SessionRequest } from './session.ts';

/** Maximum sessions in one request: bounds the work of a decision. */
const MAX_BATCH = 256;

interface Waiting {
  readonly request: SessionRequest;
  readonly resolve: (answer: SessionAnswer) => void;
  readonly reject: (error: Error) => void;
}

export class SessionRequests {
  private readonly nodeId: number;
  private readonly coordination: Coordination;
  /** Bounded by the number of connections, each of which waits for one. */
  private readonly waiting: Waiting[] = [];
  private underWay = false;

  constructor(nodeId: number, coordination: Coordination) {
    this.nodeId = nodeId;
    this.coordination = coordination;
  }

  /** Rejects with `OutcomeUnknown` when no controller decided in time, or one refused. */
  ask(request: SessionRequest): Promise<SessionAnswer> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ request, resolve, reject });
      if (!this.underWay) void this.send();
    });
  }

  /** Never rejects. */
  private async send(): Promise<void> {
    this.underWay = true;
    while (this.waiting.length > 0) {
      const batch = this.waiting.splice(0, MAX_BATCH);
      try {
        const body = { nodeId: this.nodeId, sessions: batch.map(({ request }) => request) };
        const answer = await this.coordination.channel.send(coordinationSession, 0, body, { timeoutMs: QUORUM_TIMEOUT_MS });
        if (answer.errorCode !== ErrorCode.NONE) throw new OutcomeUnknown(answer.errorMessage ?? `error ${answer.errorCode}`);
        for (const [index, { resolve, reject }] of batch.entries()) {
          const one = answer.sessions[index];
          if (one?.errorCode === ErrorCode.NONE) resolve(one);
          else reject(new OutcomeUnknown(one?.errorMessage ?? 'the controller did not decide on the session'));
        }
      } catch (cause) {
        const error = cause instanceof Error ? cause : new Error(String(cause));
        for (const { reject } of batch) reject(error);
      }
    }
    this.underWay = false;
  }
}
