/**
 * Answers whose bytes did not change since the same request was sent last. What was decoded then is returned as the same object, so that polls
 * of a large cluster in which little changes cost a comparison of bytes, and what is made of an answer need not be made again.
 */
import { createHash } from 'node:crypto';

/** Of the bytes of all answers together, and of their number; those that were used longest ago are dropped. */
const MAX_BYTES = 64 * 1024 * 1024;
const MAX_ANSWERS = 1_000;
/**
 * Of an answer that no request asked for since, ms. A page that was left, and each new leader epoch, leave requests that are not sent again, and
 * a decoded answer takes several times its bytes. The slowest poller of a shown page pauses for 3 min.
 */
const MAX_UNUSED_MS = 300_000;

interface KnownAnswer {
  readonly bytes: Buffer;
  readonly value: unknown;
  usedAt: number;
}

export class AnswerMemo {
  /** By request, used longest ago first. */
  private readonly known = new Map<string, KnownAnswer>();
  private bytes = 0;
  private readonly maxBytes: number;
  private readonly now: () => number;

  /** `now`: milliseconds, never set back. */
  constructor(maxBytes = MAX_BYTES, now = () => performance.now()) {
    this.maxBytes = maxBytes;
    this.now = now;
  }

  /** `request`: what the answer depends on beside the cluster's state, from `requestKey`. The value must not be changed in place. */
  decode<Out>(request: string, payload: Buffer, decode: (payload: Buffer) => Out): Out {
    const last = this.known.get(request);
    if (last?.bytes.equals(payload) === true) {
      this.known.delete(request);
      this.known.set(request, last);
      last.usedAt = this.now();
      return last.value as Out;
    }
    // The payload may be part of a larger buffer, and what is decoded part of the payload.
    const bytes = Buffer.from(payload);
    const value = decode(bytes);
    this.forget(request);
    this.known.set(request, { bytes, value, usedAt: this.now() });
    this.bytes += bytes.length;
    const unusedSince = this.now() - MAX_UNUSED_MS;
    for (const [oldest, { usedAt }] of this.known) {
      if (this.bytes <= this.maxBytes && this.known.size <= MAX_ANSWERS && usedAt >= unusedSince) break;
      this.forget(oldest);
    }
    return value;
  }

  private forget(request: string): void {
    this.bytes -= this.known.get(request)?.bytes.length ?? 0;
    this.known.delete(request);
  }
}

/** `body`: as encoded. */
export function requestKey(apiKey: number, version: number, body: Uint8Array): string {
  return `${apiKey}/${version}/${createHash('sha1').update(body).digest('base64')}`;
}

const made = new WeakMap<object, { broker: number; value: unknown }>();

/** What is made of a part of one broker's answer; of an answer that is the same object as before it is not made again. One `make` for a part. */
export function oncePerAnswer<T>(part: object, broker: number, make: () => T): T {
  const known = made.get(part);
  if (known?.broker === broker) return known.value as T;
  const value = make();
  made.set(part, { broker, value });
  return value;
}
