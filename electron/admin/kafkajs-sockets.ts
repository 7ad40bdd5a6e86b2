/**
 * Sockets for a kafkajs client that end when the broker behind them is silent. kafkajs itself keeps a connection whose requests time out, and
 * asks it again and again, for metadata too (#919, #1163, #1783): a client that has talked to a frozen broker alone never learns that
 * another one leads by now.
 */
import net from 'node:net';
import tls from 'node:tls';
import type { Consumer, ISocketFactory, Producer } from 'kafkajs';

const KEEP_ALIVE_MS = 60_000;

export class KafkajsSockets {
  private refusing = false;
  /** Connections that were ever begun. */
  count = 0;
  private readonly connectHost: string | undefined;
  /** By `host:port`, as kafkajs names brokers in its events. */
  private readonly open = new Map<string, Set<net.Socket>>();

  /** `connectHost`: where every broker is connected to, at its own port, instead of the host that it advertises. */
  constructor(connectHost?: string) {
    this.connectHost = connectHost;
  }

  /** `bootstrap` for kafkajs, which cannot read an IPv6 address there; which host it names does not matter where all are at one. */
  seeds(bootstrap: string): string[] {
    const addresses = bootstrap.split(',');
    if (this.connectHost === undefined) return addresses;
    return addresses.map((address) => `localhost${address.slice(address.lastIndexOf(':'))}`);
  }

  readonly factory: ISocketFactory = ({ host: advertised, port, ssl, onConnect }) => {
    const host = this.connectHost ?? advertised;
    const secure = ssl as tls.ConnectionOptions | null | undefined;
    const socket = secure ? tls.connect({ host, port, ...secure }, onConnect) : net.connect({ host, port }, onConnect);
    this.count++;
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    socket.setNoDelay(true);
    if (this.refusing) socket.destroy(new Error('this client has been given up'));
    const address = `${advertised}:${port}`;
    let sockets = this.open.get(address);
    if (sockets === undefined) this.open.set(address, (sockets = new Set()));
    sockets.add(socket);
    socket.once('close', () => {
      sockets.delete(socket);
      // kafkajs calls it again for each attempt that cannot reach the broker, and Node.js adds a listener for each call on a closed socket.
      socket.unref = () => socket;
    });
    return socket;
  };

  /** From now on a request of `client` that times out closes the connections to its broker; kafkajs retries the requests in flight there. */
  watch(client: Producer | Consumer): void {
    const silent = ({ payload }: { payload: { broker: string } }): void => this.end(payload.broker, 'the broker is silent');
    // The name of the event is the client's own.
    if ('send' in client) client.on(client.events.REQUEST_TIMEOUT, silent);
    else client.on(client.events.REQUEST_TIMEOUT, silent);
  }

  /** Ends the connections to one broker, or to all. */
  end(address: string | undefined, reason: string): void {
    const sockets = address === undefined ? [...this.open.values()].flatMap((some) => [...some]) : [...(this.open.get(address) ?? [])];
    // Without an error kafkajs would not notice, and wait for ever.
    for (const socket of sockets) socket.destroy(new Error(reason));
  }

  /** Ends all connections and lets none be made any more: whatever still tries to send in the background fails. */
  refuse(): void {
    this.refusing = true;
    this.end(undefined, 'this client has been given up');
  }
}
