/** The worker's side: the open histories, each with its table. A damaged file is replaced, and a call that met it is repeated once. */
import { dirname } from 'node:path';
import type { FigureRange } from '#shared/models/figures';
import { FigureStore, MAX_SERIES } from './figure-store.ts';
import { MemoryPoints } from './memory-points.ts';
import { clauseOf } from '#shared/errors';
import type { StorePlace, ToStoreWorker } from './store-calls.ts';
import { deleteFiles, deleteOldFiles, isDamage, loadSqlite, openTable, type LoadSqlite } from './table-files.ts';

const FULL = `This is not recorded: the history of this cluster already holds ${MAX_SERIES.toLocaleString('en-US')} series.`;

interface Entry {
  place: StorePlace;
  store: FigureStore;
  /** Why it is in memory; null: it is in its file. */
  memoryReason: string | null;
  /** Why the last write failed; null: it did not. */
  saveProblem: string | null;
}

export class StoreServer {
  private readonly entries = new Map<string, Promise<Entry>>();
  private readonly now: () => number;
  private readonly load: LoadSqlite;
  private readonly onNotice: (text: string) => void;
  private readonly limitBytes: number | undefined;

  constructor(options: { now: () => number; onNotice: (text: string) => void; load?: LoadSqlite; limitBytes?: number }) {
    this.now = options.now;
    this.onNotice = options.onNotice;
    this.load = options.load ?? loadSqlite;
    this.limitBytes = options.limitBytes;
  }

  /** The call's value. Rejects where the table fails for good. */
  async handle({ store, call, args }: ToStoreWorker): Promise<unknown> {
    switch (call) {
      case 'open':
        await this.closeEntry(store);
        this.entries.set(store, this.open(args));
        await this.entries.get(store);
        return null;
      case 'append':
        await this.run(store, (entry) => entry.store.append(args));
        return null;
      case 'range':
        return this.run(store, (entry): FigureRange => {
          const range = entry.store.range(args);
          const full = entry.store.isFull && range.since === null ? FULL : null;
          return { ...range, storage: { kind: entry.store.kind, problem: entry.memoryReason ?? entry.saveProblem ?? full } };
        });
      case 'putIncidents':
        // Repeated after damage it stores some twice, under the same ids.
        await this.run(store, (entry) => args.forEach((incident) => entry.store.putIncident(incident)));
        return null;
      case 'incidents':
        return this.run(store, (entry) => entry.store.incidents(args.from, args.until));
      case 'close':
        await this.closeEntry(store);
        return null;
      case 'delete':
        await this.closeEntry(store);
        if (args.path !== null) deleteFiles(args.path);
        return null;
    }
  }

  /** Writes what waits, and deletes what is too old. Called every some seconds. */
  async maintain(): Promise<void> {
    for (const store of [...this.entries.keys()]) {
      const problem = await this.run(store, (entry) => entry.store.maintain()).then(
        () => null,
        // It waits in memory for the next attempt; the page says so meanwhile.
        (error: unknown) => `The last minutes of history are not saved: ${clauseOf(error)}.`,
      );
      // One that could not be opened says so in the answer to each call.
      const entry = await this.entries.get(store)?.catch(() => undefined);
      if (entry !== undefined) entry.saveProblem = problem;
    }
  }

  private async run<Value>(store: string, action: (entry: Entry) => Value): Promise<Value> {
    const opening = this.entries.get(store);
    if (opening === undefined) throw new Error('this history is not open');
    const entry = await opening;
    try {
      return action(entry);
    } catch (error) {
      if (!isDamage(error) || entry.store.kind === 'memory') throw error;
    }
    await this.reopen(store, entry);
    return action(await (this.entries.get(store) ?? opening));
  }

  /** Its file was damaged while it was open: opened again it is replaced. */
  private async reopen(store: string, entry: Entry): Promise<void> {
    this.closeStore(entry);
    this.entries.set(store, this.open(entry.place));
    await this.entries.get(store);
  }

  private async open(place: StorePlace): Promise<Entry> {
    if (place.path === null)
      return { place, store: new FigureStore(new MemoryPoints(), this.now), memoryReason: place.reason, saveProblem: null };
    const { table, problem, notice } = await openTable(place.path, this.load, this.now, this.limitBytes);
    if (notice !== null) this.onNotice(notice);
    if (table.kind === 'disk') this.deleteOldFiles(place.path);
    return { place, store: new FigureStore(table, this.now), memoryReason: problem, saveProblem: null };
  }

  private deleteOldFiles(path: string): void {
    try {
      deleteOldFiles(dirname(path), this.now(), new Set([path]));
    } catch (error) {
      this.onNotice(`Old files of history in ${dirname(path)} were not deleted: ${clauseOf(error)}.`);
    }
  }

  private async closeEntry(store: string): Promise<void> {
    const opening = this.entries.get(store);
    this.entries.delete(store);
    if (opening !== undefined) this.closeStore(await opening);
  }

  private closeStore({ store, place }: Entry): void {
    try {
      store.close();
    } catch (error) {
      this.onNotice(`The last seconds of history were not saved to ${place.path ?? 'memory'}: ${clauseOf(error)}.`);
    }
  }
}
