/**
 * Histories of figures, one for each connection, in files below the user's data directory. That of the embedded cluster belongs to the
 * cluster's data directory: another embedded cluster has another history, and one in memory has its history in memory.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Connection } from '#shared/models/cluster';
import { FigureRecorder } from './recorder.ts';
import type { StorePlace } from './store-calls.ts';
import { StoreClient, type StoreClientOptions } from './store-client.ts';

export interface FigureHistoryOptions extends StoreClientOptions {
  /** Where the files are; null: nowhere, for this run only. */
  directory: string | null;
  /** Where the embedded cluster keeps its data; null: nowhere. */
  clusterDirectory: string | null;
  onError: (what: string, error: unknown) => void;
}

export class FigureHistory {
  private readonly options: FigureHistoryOptions;
  private readonly client: StoreClient;
  private readonly open = new Set<FigureRecorder>();

  constructor(options: FigureHistoryOptions) {
    this.options = options;
    this.client = new StoreClient(options);
  }

  /** Until its `close`. */
  record(connection: Connection): FigureRecorder {
    const recorder: FigureRecorder = new FigureRecorder({
      client: this.client,
      connectionId: connection.id,
      place: this.placeOf(connection),
      onError: this.options.onError,
      onClosed: () => this.open.delete(recorder),
    });
    this.open.add(recorder);
    return recorder;
  }

  /** Deletes the history of a connection that was removed and closed. */
  delete(connection: Connection): void {
    const { onError } = this.options;
    this.client
      .call(connection.id, 'delete', this.placeOf(connection))
      .catch((error: unknown) => onError(`deleting the history of ${connection.name}`, error));
  }

  /** What was taken is written. Bounded in time. */
  close(): Promise<void> {
    for (const recorder of [...this.open]) recorder.close();
    return this.client.close();
  }

  private placeOf({ id, kind }: Connection): StorePlace {
    const { directory, clusterDirectory } = this.options;
    if (directory === null) return { path: null, reason: 'History is kept in memory until the app ends: this run keeps nothing on disk.' };
    if (kind === 'remote') return { path: join(directory, `${fileName(id)}.sqlite`), reason: null };
    if (clusterDirectory === null)
      return { path: null, reason: 'History is kept in memory until the app ends, as the data of the embedded cluster is.' };
    return { path: join(directory, `embedded-${hashOf(clusterDirectory)}.sqlite`), reason: null };
  }
}

/** Ids are UUIDs, but the file of connections can be edited. */
function fileName(id: string): string {
  return /^[0-9a-f-]{36}$/.test(id) ? id : `connection-${hashOf(id)}`;
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
