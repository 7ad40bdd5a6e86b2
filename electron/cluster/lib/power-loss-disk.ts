/**
 * A disk that records which changes a power cut would undo, so that one can be simulated at any time: after the node's worker has ended,
 * `losePower` (power-loss.ts) restores the durable state of its files. Durable is what POSIX guarantees, no more:
 *
 * - Bytes are durable from a file's `sync` on. Bytes appended since are cut off; overwritten or truncated bytes are restored.
 * - Names are durable from `syncDirectory` of their directory on. Files and directories created since are removed (with everything
 *   in them), those renamed or removed are restored.
 * - `writeFileAtomic` is durable when it returns, and makes the names in its directory durable with it.
 *
 * A real system may have written back more by itself. So does this one where keeping the old bytes would cost too much: a
 * rename over an existing file, a change of more than 8 MiB of durable bytes, a removal when 64 MiB or 1,000 items are
 * kept already, are durable at once. There is no tearing: of an append, a power cut takes all or nothing.
 *
 * Before every change that may have to be undone, a line is written to a journal beside the node's directory (with bytes and removed
 * files). An append needs one only the first time, a sync one each. The journal itself is never synced, since
 * only the node's worker suffers the simulated cut; it outlives a kill, so bytes that a killed node had not
 * synced are still not durable in its next run.
 */
import type { Disk, DiskFile, DiskVolume } from './disk.ts';
import { join, layout, readJournal, realPath, split, type FileState, type JournalLine, type JournalState } from './power-loss-journal.ts';

const MAX_PREIMAGE_BYTES = 8 * 1024 * 1024;
const MAX_HELD_BYTES = 64 * 1024 * 1024;
const MAX_KEPT = 1_000;
/** The journal is rewritten when it has grown by so many bytes. */
const COMPACT_BYTES = 4 * 1024 * 1024;

export class PowerLossDisk implements Disk {
  private readonly inner: Disk;
  private readonly root: string;
  private readonly directory: string;
  private readonly state: JournalState;
  private journal: DiskFile;
  private journalBytes = 0;
  private compactAbove = COMPACT_BYTES;
  private preimages: DiskFile | undefined;
  private keptBytes = 0;

  readonly powerCycle: string | undefined;

  /**
   * `root` holds the node's directory; `directory`, created if absent, holds the undo data and is on the same file system. `freshName`
   * identifies the time until the next power cut, where that is a new one.
   */
  constructor(inner: Disk, root: string, directory: string, freshName: () => string) {
    this.inner = inner;
    this.root = root;
    this.directory = directory;
    this.state = readJournal(inner, directory);
    if (this.state.powerCycle === '') this.state.powerCycle = freshName();
    this.powerCycle = inner.powerCycle === undefined ? undefined : `${inner.powerCycle}/${this.state.powerCycle}`;
    const { kept } = layout(directory);
    inner.makeDirectory(kept());
    // Removed for good by a line that its writer did not outlive by much.
    const wanted = new Set(this.state.changes().map((change) => change.kept));
    for (const name of inner.list(kept())) if (!wanted.has(Number(name))) inner.remove(kept(Number(name)));
    this.journal = this.rewriteJournal();
  }

  open(path: string, options?: { create?: boolean }): DiskFile {
    const relative = this.relative(path);
    if (relative === undefined) return this.inner.open(path, options);
    if (options?.create === true && !this.inner.exists(path)) {
      this.note(['created', relative]);
      this.note(['durable', relative, 0]);
    }
    return new WatchedFile(this.inner.open(path, options), this, relative, this.state.file(relative));
  }
  exists(path: string): boolean {
    return this.inner.exists(path);
  }
  list(path: string): string[] {
    return this.inner.list(path);
  }
  isDirectory(path: string): boolean {
    return this.inner.isDirectory(path);
  }
  size(path: string): number {
    return this.inner.size(path);
  }
  makeDirectory(path: string): void {
    const missing: string[] = [];
    for (let at = this.relative(path); at !== undefined && at !== '' && !this.inner.exists(join(this.root, at)); at = split(at)[0])
      missing.push(at);
    for (const relative of missing.reverse()) this.note(['created', relative]);
    this.inner.makeDirectory(path);
  }
  rename(from: string, to: string): void {
    const source = this.relative(from);
    const target = this.relative(to);
    const replaces = this.inner.exists(to);
    if (source !== undefined && target !== undefined && !replaces) this.note(['renamed', source, target]);
    this.inner.rename(from, to);
    if (source === undefined || target === undefined || !replaces) return;
    this.syncContent(to);
    this.inner.syncDirectory(realPath(this.root, this.directory, split(target)[0]));
    this.note(['replaced', source]);
    this.note(['replaced', target]);
    this.settle(split(target)[0]);
  }
  remove(path: string): void {
    const relative = this.relative(path);
    if (relative === undefined || !this.inner.exists(path)) {
      this.inner.remove(path);
      return;
    }
    const bytes = this.inner.isDirectory(path) ? 0 : this.inner.size(path);
    const directory = split(relative)[0];
    if (this.keptBytes + bytes > MAX_HELD_BYTES || this.state.keptCount >= MAX_KEPT) this.syncDirectory(join(this.root, directory));
    const kept = this.state.lastKept + 1;
    this.note(['removed', relative, kept]);
    this.inner.rename(path, layout(this.directory).kept(kept));
    this.keptBytes += bytes;
    if (this.keptBytes > MAX_HELD_BYTES) this.syncDirectory(join(this.root, directory));
  }
  readFile(path: string): Buffer {
    return this.inner.readFile(path);
  }
  writeFileAtomic(path: string, bytes: Uint8Array): void {
    this.inner.writeFileAtomic(path, bytes);
    const relative = this.relative(path);
    if (relative === undefined) return;
    // Also where memory holds nothing of it any more: the journal may.
    this.note(['replaced', relative]);
    this.settle(split(relative)[0]);
  }
  syncDirectory(path: string): void {
    this.inner.syncDirectory(path);
    const relative = this.relative(path);
    if (relative !== undefined) this.settle(relative);
  }
  volume(path: string): DiskVolume | undefined {
    return this.inner.volume?.(path);
  }
  onDescriptorShortage(relieve: () => void): void {
    this.inner.onDescriptorShortage?.(relieve);
  }
  admit(bytes: number): Promise<void> | undefined {
    return this.inner.admit(bytes);
  }

  /** What is known of a file that is about to change for the first time; `size` is asked for its size. */
  begin(path: string, size: () => number): FileState {
    const known = this.state.file(path);
    if (known !== undefined) return known;
    this.note(['durable', path, size()]);
    return this.state.file(path) as FileState;
  }

  /** Durable bytes of `file` in [from, to) are about to change. False: too many to keep, so the change has to be synced. */
  keep(state: FileState, file: DiskFile, from: number, to: number): boolean {
    const length = Math.min(to, state.durableSize) - from;
    if (length <= 0 || state.gone) return true;
    if (length > MAX_PREIMAGE_BYTES || this.state.preimageBytes + length > MAX_HELD_BYTES) return false;
    const bytes = Buffer.alloc(length);
    const read = file.read(bytes, from);
    const at = this.state.preimageBytes;
    this.preimages ??= this.inner.open(layout(this.directory).preimages, { create: true });
    this.preimages.write([bytes.subarray(0, read)], at);
    this.note(['changed', pathOf(state), from, read, at]);
    return true;
  }

  synced(state: FileState, size: number): void {
    if (!state.dirty || state.gone) return;
    this.note(['durable', pathOf(state), size]);
    state.dirty = false;
    if (this.state.preimageCount === 0) this.state.preimageBytes = 0;
  }

  private settle(directory: string): void {
    const known = this.state.directories.get(directory);
    if (known === undefined || known.changes.length === 0) return;
    for (const kept of this.note(['directory', directory])) this.inner.remove(layout(this.directory).kept(kept));
    if (this.state.keptCount === 0) this.keptBytes = 0;
  }

  private syncContent(path: string): void {
    if (this.inner.isDirectory(path)) return;
    const file = this.inner.open(path);
    try {
      file.sync();
    } finally {
      file.close();
    }
  }

  /** Applies the line, and writes it before the change that it describes. */
  private note(line: JournalLine): number[] {
    const bytes = encode(line);
    this.journal.write([bytes], this.journalBytes);
    this.journalBytes += bytes.length;
    const free = this.state.apply(line);
    if (this.journalBytes > this.compactAbove) {
      this.journal.close();
      this.journal = this.rewriteJournal();
    }
    return free;
  }

  private rewriteJournal(): DiskFile {
    const { journal } = layout(this.directory);
    const aside = `${journal}.new`;
    const bytes = encode(['begun', this.state.powerCycle, this.state.snapshot()]);
    const file = this.inner.open(aside, { create: true });
    try {
      file.truncate(0);
      file.write([bytes], 0);
    } finally {
      file.close();
    }
    this.inner.rename(aside, journal);
    this.journalBytes = bytes.length;
    this.compactAbove = bytes.length * 2 + COMPACT_BYTES;
    return this.inner.open(journal);
  }

  /** The path from the root; undefined for a path outside it. */
  private relative(path: string): string | undefined {
    if (path === this.root) return '';
    if (!path.startsWith(this.root)) return undefined;
    const separator = path.charAt(this.root.length);
    return separator === '/' || separator === '\\' ? path.slice(this.root.length + 1) : undefined;
  }
}

class WatchedFile implements DiskFile {
  readonly path: string;
  private readonly inner: DiskFile;
  private readonly disk: PowerLossDisk;
  private readonly relative: string;
  private state: FileState | undefined;

  constructor(inner: DiskFile, disk: PowerLossDisk, relative: string, known: FileState | undefined) {
    this.path = inner.path;
    this.inner = inner;
    this.disk = disk;
    this.relative = relative;
    if (known !== undefined) this.take(known);
  }
  size(): number {
    return this.inner.size();
  }
  read(into: Uint8Array, position: number): number {
    return this.inner.read(into, position);
  }
  write(chunks: readonly Uint8Array[], position: number): void {
    const state = this.changing();
    if (position >= state.durableSize) {
      this.inner.write(chunks, position);
      return;
    }
    let end = position;
    for (const chunk of chunks) end += chunk.length;
    const kept = this.disk.keep(state, this.inner, position, end);
    this.inner.write(chunks, position);
    if (!kept) this.sync();
  }
  truncate(size: number): void {
    const state = this.changing();
    const kept = this.disk.keep(state, this.inner, size, state.durableSize);
    this.inner.truncate(size);
    if (!kept) this.sync();
  }
  sync(): void {
    this.inner.sync();
    if (this.state !== undefined) this.disk.synced(this.state, this.inner.size());
  }
  close(): void {
    this.inner.close();
    const { state } = this;
    if (state === undefined) return;
    this.state = undefined;
    state.handles--;
    // Nothing has to be undone, so no memory is needed.
    if (!state.dirty && state.handles === 0 && !state.gone) state.directory.files.delete(state.name);
  }

  private changing(): FileState {
    const state = this.state ?? this.take(this.disk.begin(this.relative, () => this.inner.size()));
    state.dirty = true;
    return state;
  }

  private take(state: FileState): FileState {
    this.state = state;
    state.handles++;
    return state;
  }
}

function pathOf({ directory, name }: FileState): string {
  return join(directory.path, name);
}

function encode(line: JournalLine): Buffer {
  return Buffer.from(`${JSON.stringify(line)}\n`);
}
