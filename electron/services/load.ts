/** The interface of loads on the embedded cluster, for the app, scenarios and the control API. */
import type { LoadAudit, LoadRow, LoadSpec } from '#shared/models/load';

export interface Loads {
  /** Resolves when its clients are connected; rejects with `ServiceError` if they cannot connect or the topic does not exist. */
  start(spec: LoadSpec): Promise<LoadRow>;
  /** Waits for requests in flight, then ends the clients. The load stays in the list with its counts. */
  stop(id: number): Promise<LoadRow>;
  stopAll(): Promise<void>;
  /** Removes an ended load from the list. */
  remove(id: number): void;
  /** Changes a producer's rate or the number of a group's members. Resolves when the change is in effect. */
  change(id: number, to: { recordsPerSecond?: number | undefined; members?: number | undefined }): Promise<LoadRow>;
  /** For a member of a group. `crash`: ends without leaving; `pause`: blocks, so that its session expires; `resume`: continues. */
  member(id: number, number: number, action: 'crash' | 'pause' | 'resume'): Promise<LoadRow>;
  /** Reads the whole topic and counts which of the producer's acknowledged records it holds. */
  audit(id: number): Promise<LoadAudit>;
  /** In the order of their start. */
  list(): readonly LoadRow[];
  /** `listener` receives all loads, at most four times a second. Returns the function that unsubscribes. */
  onChange(listener: (loads: readonly LoadRow[]) => void): () => void;
  /** Terminates all loads. */
  close(): Promise<void>;
}
