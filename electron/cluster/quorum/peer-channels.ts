/**
 * Requests of this node to other nodes: one connection for each peer and purpose, opened by the first request and kept. Requests on one connection
 * are pipelined and answered in order, so requests that must not wait for others have a purpose of their own, as Apache Kafka gives each a channel
 * manager. A peer that has moved is connected to at its new address.
 */
import type { Address } from '../lib/network.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import { KafkaError } from '../protocol/kafka-error.ts';
import type { Api } from '../protocol/schema.ts';

/** A connection to another node, as made by `network/client.ts`. */
export interface Peer {
  /** Rejects with `NetworkError`; whether the peer has processed the request is then unknown. */
  send<Q, S>(api: Api<unknown, Q, S, never>, version: number, body: Q, options: { timeoutMs: number }): Promise<S>;
  close(): void;
}

/** `silentMs`: see `PeerClientOptions`. */
export type ConnectPeer = (address: Address, options?: { silentMs?: number }) => Peer;

/** The use of a connection. */
export interface Purpose {
  readonly name: string;
  /** See `PeerClientOptions`; absent: its default. */
  readonly silentMs?: number;
}

export interface PeerChannelsOptions {
  readonly connectPeer: ConnectPeer;
  /** The newest known address of a node. */
  addressOf(id: number): Address | undefined;
}

export interface PeerRequest<Q, S> {
  readonly api: Api<unknown, Q, S, never>;
  readonly version: number;
  readonly body: Q;
  /** From the call to the decoded response, connecting included. */
  readonly timeoutMs: number;
}

interface Channel {
  readonly address: Address;
  readonly peer: Peer;
}

export class PeerChannels {
  private readonly options: PeerChannelsOptions;
  private readonly channels = new Map<string, Channel>();
  private closed = false;

  constructor(options: PeerChannelsOptions) {
    this.options = options;
  }

  /** Rejects as `Peer.send` does, and with `KafkaError` BROKER_NOT_AVAILABLE without an address of the peer, or after `close`. */
  async send<Q, S>(id: number, purpose: Purpose, { api, version, body, timeoutMs }: PeerRequest<Q, S>): Promise<S> {
    return this.peer(id, purpose).send(api, version, body, { timeoutMs });
  }

  /** Closes all connections, which rejects the requests on them. */
  close(): void {
    this.closed = true;
    for (const { peer } of this.channels.values()) peer.close();
    this.channels.clear();
  }

  private peer(id: number, { name, silentMs }: Purpose): Peer {
    if (this.closed) throw new KafkaError(ErrorCode.BROKER_NOT_AVAILABLE, 'This node is stopping.');
    const key = `${name}:${id}`;
    const known = this.channels.get(key);
    const address = this.options.addressOf(id);
    if (known !== undefined && known.address.host === address?.host && known.address.port === address.port) return known.peer;
    known?.peer.close();
    this.channels.delete(key);
    if (address === undefined) throw new KafkaError(ErrorCode.BROKER_NOT_AVAILABLE, `Node ${id} has no known address.`);
    const peer = this.options.connectPeer({ host: address.host, port: address.port }, silentMs === undefined ? {} : { silentMs });
    this.channels.set(key, { address, peer });
    return peer;
  }
}
