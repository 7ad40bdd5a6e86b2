/**
 * Applies the committed records of the metadata log, and the snapshots that replace it, to the image and to the states that other parts of the
 * node keep from the same records, and then publishes the change (`MetadataLoader` and its publishers in Apache Kafka). A listener reads an
 * image and states of the same offset.
 */
import { runWhole } from '../lib/work-slices.ts';
import type { MetadataRecord, MetadataRecordIn } from '../protocol/records/metadata-records.ts';
import { applyRecords, type AppliedAt } from './image-apply.ts';
import { diffImages } from './image-diff.ts';
import { applySnapshotInSteps, imageRecords } from './image-records.ts';
import { EMPTY_IMAGE, type ImageChange, type MetadataImage } from './image.ts';
import type { MetadataDecoder } from './metadata-decoding.ts';
import type { CommittedBatch, SnapshotId } from './raft-log.ts';

/** A state beside the image that records of the metadata log make up. Snapshots contain it. */
export interface LogState {
  /** Applies records of whole batches, whose changes of the image are `change`. Throws where they do not fit the state. */
  apply(records: readonly MetadataRecord[], change: ImageChange, at: AppliedAt): void;
  /**
   * Prepares the state of a snapshot with these records, in steps at which other work may run; `created`: from an empty image. The result
   * replaces the state, once.
   */
  prepare(records: readonly MetadataRecord[], created: ImageChange, at: AppliedAt): Generator<undefined, () => void, undefined>;
  /** The current state as records of a snapshot; later changes do not change them. */
  snapshotRecords(): Iterable<MetadataRecordIn>;
}

/** What a snapshot contains, as of one offset. */
export interface SnapshotContent {
  readonly id: SnapshotId;
  readonly records: Iterator<MetadataRecordIn, unknown, undefined>;
  /** False: the image lacks records that it did not apply, and the snapshot would lose them. */
  readonly isComplete: boolean;
}

interface LoadedSnapshot {
  readonly id: SnapshotId;
  readonly image: MetadataImage;
  /** Of the states. */
  readonly replacements: readonly (() => void)[];
  readonly count: number;
}

export class MetadataLoader {
  private readonly decoder: MetadataDecoder;
  private readonly clusterId: string;
  private readonly states: readonly LogState[];
  private readonly listeners = new Set<(change: ImageChange) => void>();
  private readonly appliedListeners: ((batches: readonly CommittedBatch[]) => void)[] = [];
  private readonly loadedListeners: ((id: SnapshotId, records: number) => void)[] = [];
  private current: MetadataImage;
  /** Of a received snapshot whose file has not replaced the log yet. */
  private prepared: LoadedSnapshot | undefined;

  constructor(options: { decoder: MetadataDecoder; clusterId: string; states: readonly LogState[] }) {
    this.decoder = options.decoder;
    this.clusterId = options.clusterId;
    this.states = options.states;
    this.current = { ...EMPTY_IMAGE, clusterId: options.clusterId };
  }

  /** The newest committed metadata of this node. */
  get image(): MetadataImage {
    return this.current;
  }

  /** Calls `listener` after every change of the image and the states; returns its removal. */
  onImage(listener: (change: ImageChange) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Calls `listener` with committed batches once image, states and listeners of the image have them; in the order of the calls. */
  onApplied(listener: (batches: readonly CommittedBatch[]) => void): void {
    this.appliedListeners.push(listener);
  }

  /** Calls `listener` with a snapshot and the number of its records, once image and states have it and before listeners of the image. */
  onLoaded(listener: (id: SnapshotId, records: number) => void): void {
    this.loadedListeners.push(listener);
  }

  applyBatches(batches: readonly CommittedBatch[]): void {
    for (const batch of batches) this.applyBatch(batch);
    for (const listener of this.appliedListeners) listener(batches);
  }

  private applyBatch(batch: CommittedBatch): void {
    const records = this.decoder.decode(batch.values, batch.baseOffset);
    const at = { offset: batch.lastOffset, epoch: batch.epoch, timestamp: batch.timestamp };
    const { image, change } = applyRecords(this.current, records, at);
    for (const state of this.states) state.apply(records, change, at);
    this.publish(image, change);
  }

  /** Does the work of `loadSnapshot` ahead, in steps at which other work may run. */
  *prepareSnapshot(id: SnapshotId, batches: Iterable<readonly Uint8Array[]>): Generator<undefined, void, undefined> {
    this.prepared = undefined;
    this.prepared = yield* this.read(id, batches);
  }

  /** Replaces the image and the states by those of a snapshot. `batches`: read where nothing was prepared. */
  loadSnapshot(id: SnapshotId, batches: () => Iterable<readonly Uint8Array[]>): void {
    const { prepared } = this;
    this.prepared = undefined;
    const isPrepared = prepared?.id.endOffset === id.endOffset && prepared.id.epoch === id.epoch;
    const { image, replacements, count } = isPrepared ? prepared : runWhole(this.read(id, batches()));
    const change = diffImages(this.current, image);
    for (const replace of replacements) replace();
    this.current = image;
    for (const listener of this.loadedListeners) listener(id, count);
    this.publish(image, change);
  }

  snapshotContent(): SnapshotContent {
    const { offset, epoch, unappliedRecords } = this.current;
    // The states last: they may refer to the image. Taken now, written later.
    const parts = [imageRecords(this.current), ...this.states.map((state) => state.snapshotRecords())];
    return { id: { endOffset: offset + 1n, epoch }, records: concat(parts), isComplete: unappliedRecords.isComplete };
  }

  private publish(image: MetadataImage, change: ImageChange): void {
    this.current = image;
    for (const listener of this.listeners) listener(change);
  }

  private *read(id: SnapshotId, batches: Iterable<readonly Uint8Array[]>): Generator<undefined, LoadedSnapshot, undefined> {
    const records = yield* this.decoder.decodeInSteps(batches, id.endOffset);
    const at = { offset: id.endOffset - 1n, epoch: id.epoch };
    const { image, change } = yield* applySnapshotInSteps(records, this.clusterId, at);
    const replacements: (() => void)[] = [];
    for (const state of this.states) replacements.push(yield* state.prepare(records, change, at));
    return { id, image, replacements, count: records.length };
  }
}

function* concat<T>(parts: readonly Iterable<T>[]): Generator<T, void, undefined> {
  for (const part of parts) yield* part;
}
