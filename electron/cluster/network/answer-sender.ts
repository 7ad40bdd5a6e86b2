/**
 * Sends the responses of one connection in pieces: the next piece goes to the socket when the client has received those before it, whose
 * memory is then released.
 */
import type { Stream } from '../lib/network.ts';
import type { AnswerHolder, AnswerMemory } from './answer-memory.ts';

/** A response up to this size is sent in one write: waiting for the socket between pieces costs throughput. */
const PIECE_BYTES = 4 * 1024 * 1024;
const NOTHING: readonly Uint8Array[] = [];

export class AnswerSender {
  /** The client does not read: nothing may be passed to `send` until `drained`. */
  blocked = false;
  private readonly stream: Stream;
  private readonly holder: AnswerHolder;
  /** Undefined where answers are not counted. */
  private readonly memory: () => AnswerMemory | undefined;
  private rest: readonly Uint8Array[] = NOTHING;
  /** Counted for the answer in progress, the piece in the socket included. */
  private heldBytes = 0;
  private pieceBytes = 0;

  constructor(stream: Stream, holder: AnswerHolder, memory: () => AnswerMemory | undefined) {
    this.stream = stream;
    this.holder = holder;
    this.memory = memory;
  }

  /** Sends chunks for which `bytes` are held. */
  send(chunks: readonly Uint8Array[], bytes: number): void {
    this.rest = chunks;
    this.heldBytes = bytes;
    this.sendPieces();
  }

  /** To be called when the socket has room again. */
  drained(): void {
    this.blocked = false;
    this.memory()?.unblock(this.holder);
    this.release(this.pieceBytes);
    this.pieceBytes = 0;
    this.sendPieces();
  }

  /** Writes everything left to the socket, which is about to end. */
  flush(): void {
    if (this.rest.length > 0) this.stream.write(this.rest);
    this.drop();
  }

  /** Discards everything left; the connection is closed. */
  drop(): void {
    this.memory()?.unblock(this.holder);
    this.release(this.heldBytes);
    this.rest = NOTHING;
    this.pieceBytes = 0;
  }

  private sendPieces(): void {
    const { rest } = this;
    // Answers to other nodes are not counted, and leave as a whole.
    const pieceBytes = this.memory() === undefined ? Number.POSITIVE_INFINITY : PIECE_BYTES;
    let at = 0;
    while (at < rest.length && !this.blocked) {
      const from = at;
      let bytes = 0;
      while (at < rest.length && (bytes === 0 || bytes < pieceBytes)) bytes += (rest[at++] as Uint8Array).length;
      const blocked = !this.stream.write(from === 0 && at === rest.length ? rest : rest.slice(from, at));
      // The write may have ended the connection.
      if (this.rest !== rest) return;
      this.blocked = blocked;
      if (blocked) this.pieceBytes = bytes;
      else this.release(bytes);
    }
    this.rest = at >= rest.length ? NOTHING : rest.slice(at);
    if (this.blocked) this.memory()?.block(this.holder);
  }

  private release(bytes: number): void {
    if (bytes > 0) this.memory()?.release(bytes);
    this.heldBytes -= bytes;
  }
}
