/** A simulated power cut, after the node's worker has ended: restores the durable state of its files (`power-loss-disk.ts`). */
import type { Disk, DiskFile } from './disk.ts';
import {
  join,
  keptPath,
  layout,
  readJournal,
  realPath,
  type DirectoryState,
  type JournalState,
  type NameChange,
  type Preimage,
} from './power-loss-journal.ts';

/** What a power cut has undone. */
export interface PowerLoss {
  /** Files that lost bytes, or that got older bytes back. */
  files: number;
  bytes: number;
  /** Creations, renames and removals that were undone. */
  names: number;
}

/** Undoes everything that was not durable, and removes the undo data. The node that wrote it must have ended. Throws `DiskError`. */
export function losePower(disk: Disk, root: string, directory: string): PowerLoss {
  const loss: PowerLoss = { files: 0, bytes: 0, names: 0 };
  if (!disk.exists(directory)) return loss;
  const state = readJournal(disk, directory);
  const { preimages } = layout(directory);
  for (const known of state.directories.values()) {
    for (const file of known.files.values()) {
      const path = realPath(root, directory, join(known.path, file.name));
      if (!disk.exists(path)) continue;
      const handle = disk.open(path);
      try {
        const lost = Math.max(0, handle.size() - file.durableSize) + restore(disk, preimages, handle, file.preimages);
        if (handle.size() > file.durableSize) handle.truncate(file.durableSize);
        if (lost > 0) loss.files++;
        loss.bytes += lost;
      } finally {
        handle.close();
      }
    }
  }
  for (const change of state.changes()) if (undo(disk, root, directory, state, change)) loss.names++;
  disk.remove(directory);
  return loss;
}

/** The newest first, so that the oldest take effect last. Returns the number of restored bytes. */
function restore(disk: Disk, preimages: string, handle: DiskFile, images: readonly Preimage[]): number {
  if (images.length === 0) return 0;
  let bytes = 0;
  const source = disk.open(preimages);
  try {
    for (const { position, length, at } of images.toReversed()) {
      const image = Buffer.alloc(length);
      source.read(image, at);
      handle.write([image], position);
      bytes += length;
    }
  } finally {
    source.close();
  }
  return bytes;
}

/** False where the change was recorded and never made. */
function undo(disk: Disk, root: string, directory: string, state: JournalState, change: NameChange): boolean {
  const path = realPath(root, directory, join(change.directory.path, change.name));
  switch (change.kind) {
    case 'created':
      if (!disk.exists(path)) return false;
      disk.remove(path);
      state.forget(join(change.directory.path, change.name));
      return true;
    case 'removed': {
      const source = layout(directory).kept(change.kept);
      if (!disk.exists(source) || disk.exists(path)) return false;
      disk.rename(source, path);
      state.move(keptPath(change.kept as number), join(change.directory.path, change.name));
      return true;
    }
    case 'renamed': {
      const from = change.from as { directory: DirectoryState; name: string };
      const before = realPath(root, directory, join(from.directory.path, from.name));
      if (!disk.exists(path) || disk.exists(before)) return false;
      disk.rename(path, before);
      state.move(join(change.directory.path, change.name), join(from.directory.path, from.name));
      return true;
    }
  }
}
