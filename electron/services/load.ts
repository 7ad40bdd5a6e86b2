/** Load on the embedded cluster: who asks for it and what it tells. The app, scenarios and the control API share it. */
import type { LoadAudit, LoadRow, LoadSpec } from '#shared/models/load';

export interface Loads {
  /** Resolves when its clients are connected; rejects with `ServiceError` when they cannot be, or the topic is not there. */
  start(spec: LoadSpec): Promise<LoadRow>;
  /** Lets its clients finish what is on its way, then ends them. What it counted stays in the list. */
  stop(id: number): Promise<LoadRow>;
  stopAll(): Promise<void>;
  /** Forgets an ended one. */
  remove(id: number): void;
  /** A producer's rate, a group's members. Resolves when it is so. */
  change(id: number, to: { recordsPerSecond?: number | undefined; members?: number | undefined }): Promise<LoadRow>;
  /** A member of a group: ends without leaving; stands still (its session will expire); gets on. */
  member(id: number, number: number, action: 'crash' | 'pause' | 'resume'): Promise<LoadRow>;
  /** Reads the whole of the topic and tells what became of the producer's records. */
  audit(id: number): Promise<LoadAudit>;
  /** In the order in which they were started. */
  list(): readonly LoadRow[];
  /** Called with all of them, at most four times a second; returns the function that unsubscribes. */
  onChange(listener: (loads: readonly LoadRow[]) => void): () => void;
  /** Ends everything at once. */
  close(): Promise<void>;
}
