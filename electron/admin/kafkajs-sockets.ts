/**
 * Sockets for a kafkajs client that end when the broker behind them is silent. kafkajs itself keeps a connection whose requests time out, and
 * asks it again and again, for metadata too (#919, #1163, #1783): a client that has talked to a frozen broker alone never learns that
 * another one leads by now.
 */
import net from 'node:net';
import tls from 'node:tls';
import type { ISocketFactory, Producer } from 'kafkajs';

const KEEP_ALIVE_MS = 60_000;

export class KafkajsSockets {
  /** By `host:port`, as kafkajs names brokers in its events. */
  private readonly open = new Map<string, Set<net.Socket>>();

  readonly factory: ISocketFactory = ({ host, port, ssl, onConnect }) => {
    const secure = ssl as tls.ConnectionOptions | null | undefined;
    const socket = secure ? tls.connect({ host, port, ...secure }, onConnect) : net.connect({ host, port }, onConnect);
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    socket.setNoDelay(true);
    const address = `${host}:${port}`;
    let sockets = this.open.get(address);
    if (sockets === undefined) this.open.set(address, (sockets = new Set()));
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    return socket;
  };

  /** From now on a request of this producer that times out ends the connections to its broker; what was on its way there is tried anew. */
  watch(producer: Producer): void {
    producer.on(producer.events.REQUEST_TIMEOUT, ({ payload }) => this.end(payload.broker, 'the broker is silent'));
  }

  /** Ends the connections to one broker, or to all. */
  end(address: string | undefined, reason: string): void {
    const sockets = address === undefined ? [...this.open.values()].flatMap((some) => [...some]) : [...(this.open.get(address) ?? [])];
    // Without an error kafkajs would not notice, and wait for ever.
    for (const socket of sockets) socket.destroy(new Error(reason));
  }
}
