/** Messages between the app's main thread and the worker that keeps histories. */
import type { FigureRange } from '#shared/models/figures';
import type { RangeQuery, SubjectSample } from './figure-store.ts';
import type { StoredIncident } from './point-table.ts';

export interface StorePlace {
  /** Null: in memory. */
  path: string | null;
  /** Why it is in memory, as a sentence; null with a path. */
  reason: string | null;
}

export interface StoreCalls {
  open: { args: StorePlace; value: null };
  append: { args: readonly SubjectSample[]; value: null };
  range: { args: RangeQuery; value: FigureRange };
  putIncidents: { args: readonly StoredIncident[]; value: null };
  incidents: { args: { from: number; until: number }; value: StoredIncident[] };
  /** What waits is written first. */
  close: { args: null; value: null };
  /** Closes it and deletes its files. */
  delete: { args: StorePlace; value: null };
}

export type StoreCall = keyof StoreCalls;

/** `store`: the id of a connection. */
export type ToStoreWorker = { [C in StoreCall]: { id: number; store: string; call: C; args: StoreCalls[C]['args'] } }[StoreCall];

export type FromStoreWorker =
  | { kind: 'answered'; id: number; value: unknown }
  | { kind: 'failed'; id: number; message: string }
  /** A sentence for the person who uses the app. */
  | { kind: 'notice'; text: string };
