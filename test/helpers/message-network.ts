import { Reader } from '../../electron/cluster/protocol/reader.ts';
import type { Api } from '../../electron/cluster/protocol/schema.ts';
import { Writer } from '../../electron/cluster/protocol/writer.ts';
import type { Clock } from '../../electron/cluster/lib/clock.ts';
import { setRunningTimer } from '../../electron/cluster/lib/running-time.ts';
import type { Random } from '../../electron/cluster/lib/random.ts';

export type MessageHandler = (api: Api, body: unknown) => unknown;

/**
 * Requests and responses between nodes, without sockets: each is encoded and decoded at the API's newest version, takes a
 * random time, may be lost, and does not cross a cut link. Lost means that the sender receives nothing until its timeout.
 */
export class MessageNetwork {
  minDelayMs = 0.2;
  maxDelayMs = 2;
  /** Chance that one message, either way, is lost. */
  loss = 0;
  private readonly handlers = new Map<number, MessageHandler>();
  /** `from>to` of links that carry nothing. */
  private readonly cut = new Set<string>();
  private readonly clock: Clock;
  private readonly random: Random;

  constructor(clock: Clock, random: Random) {
    this.clock = clock;
    this.random = random;
  }

  attach(node: number, handler: MessageHandler): void {
    this.handlers.set(node, handler);
  }

  /** The node is gone: who connects is refused. */
  detach(node: number): void {
    this.handlers.delete(node);
  }

  cutLink(from: number, to: number): void {
    this.cut.add(`${from}>${to}`);
  }

  isolate(node: number, others: readonly number[]): void {
    for (const other of others) {
      if (other === node) continue;
      this.cutLink(node, other);
      this.cutLink(other, node);
    }
  }

  heal(): void {
    this.cut.clear();
    this.loss = 0;
  }

  send<Q, S>(from: number, to: number, api: Api<unknown, Q, S, never>, body: Q, timeoutMs: number): Promise<S> {
    const plain = api as unknown as Api;
    return new Promise((resolve, reject) => {
      const timeout = setRunningTimer(this.clock, timeoutMs, () => reject(new Error(`${api.name} from ${from} to ${to} timed out`)));
      const request = throughTheWire(plain, 'request', body);
      this.carry(from, to, () => {
        const handler = this.handlers.get(to);
        if (handler === undefined) {
          this.carry(to, from, () => {
            timeout.cancel();
            reject(new Error(`node ${to} refuses the connection`));
          });
          return;
        }
        // A handler that fails closes the connection.
        const failed = (cause: unknown): void => {
          this.carry(to, from, () => {
            timeout.cancel();
            reject(new Error(`node ${to} failed on ${api.name}`, { cause }));
          });
        };
        Promise.resolve()
          .then(() => handler(plain, request))
          .then((response) => {
            if (this.handlers.get(to) !== handler) return;
            const answer = throughTheWire(plain, 'response', response);
            this.carry(to, from, () => {
              timeout.cancel();
              resolve(answer as S);
            });
          })
          .catch(failed);
      });
    });
  }

  private carry(from: number, to: number, arrive: () => void): void {
    if (this.random.next() < this.loss) return;
    const delay = this.minDelayMs + this.random.next() * (this.maxDelayMs - this.minDelayMs);
    this.clock.setTimer(delay, () => {
      if (!this.cut.has(`${from}>${to}`)) arrive();
    });
  }
}

function throughTheWire(api: Api, side: 'request' | 'response', value: unknown): unknown {
  const writer = new Writer();
  const codec = api[side].codec(api.maxVersion);
  codec.encode(writer, value);
  return codec.decode(new Reader(Buffer.concat(writer.finish())));
}
