/** What an attack is given, and what it says of itself. */
import type { Random } from '../../electron/cluster/lib/random.ts';
import type { Target } from './target.ts';
import type { Sockets } from './wire.ts';

export interface AttackContext {
  target: Target;
  sockets: Sockets;
  /** Seeded: a run is repeated with `--seed`. */
  random: Random;
  /** How long the attack may take; milliseconds. */
  forMs: number;
  /** True once that time is over: every loop asks. */
  over(): boolean;
  quorumPorts: readonly number[];
  /** Topics that attacks may use: `bulk` holds some 60 MB with one leader, `compacted` is compacted. */
  bulk: { topic: string; leaderPort: number };
  compacted: { topic: string; leaderPort: number };
}

export interface Attack {
  name: string;
  summary: string;
  /** It takes brokers away, so that another client has to wait: silence is not judged. */
  disruptive?: boolean;
  /** Runs against web mode, in a process of its own. */
  web?: boolean;
  /** Makes what it sends, before its time begins. */
  prepare?(): void;
  /** What it did: `12 connections, 3,000 frames`. Rejects where the target answered wrongly. */
  run(context: AttackContext): Promise<string>;
}
