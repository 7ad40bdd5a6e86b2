/**
 * The unsynced changes of a node's files, and how to undo them: the state behind `power-loss-disk.ts`, and its journal on
 * disk, with which the supervisor can undo them once the node's worker has ended. Paths are relative to the parent of the
 * node's directory; '/' separates them.
 */
import type { Disk } from './disk.ts';

/** One line of the journal, as JSON. */
export type JournalLine =
  /** The first line: the identifier of the time since the last power cut, and the changes to undo when the journal began. */
  | readonly ['begun', powerCycle: string, Snapshot]
  /** The file is durable up to that size, and its content below is correct. */
  | readonly ['durable', path: string, size: number]
  /** Durable bytes are about to be changed; they lie in `preimages` from `at` on. */
  | readonly ['changed', path: string, position: number, length: number, at: number]
  /** A new file replaced it, durably. */
  | readonly ['replaced', path: string]
  | readonly ['created', path: string]
  | readonly ['renamed', from: string, to: string]
  /** The file or tree lies in `kept/<number>` until that is durable. */
  | readonly ['removed', path: string, kept: number]
  /** What was created, renamed and removed in the directory is durable. */
  | readonly ['directory', path: string];

export interface Preimage {
  position: number;
  length: number;
  at: number;
}

export interface FileState {
  directory: DirectoryState;
  name: string;
  durableSize: number;
  /** Changed since the last sync. */
  dirty: boolean;
  /** The newest last. */
  preimages: Preimage[];
  /** Number of open handles. */
  handles: number;
  /** Another file has its name, or no power cut can restore it: it needs no record any more. */
  gone: boolean;
}

export interface NameChange {
  sequence: number;
  directory: DirectoryState;
  name: string;
  kind: 'created' | 'renamed' | 'removed';
  /** Of a rename. */
  from?: { directory: DirectoryState; name: string };
  /** Of a removal. */
  kept?: number;
}

/** Keeps its identity when it, or one above it, is renamed. */
export interface DirectoryState {
  path: string;
  readonly files: Map<string, FileState>;
  changes: NameChange[];
}

export interface Snapshot {
  directories: readonly string[];
  changes: readonly {
    directory: number;
    kind: NameChange['kind'];
    name: string;
    from?: readonly [directory: number, name: string];
    kept?: number;
  }[];
  files: readonly (readonly [directory: number, name: string, durableSize: number, preimages: readonly Preimage[]])[];
}

const KEPT = '\0kept';
/** Of a directory that no longer exists. */
const GONE = '\0gone';

export class JournalState {
  readonly directories = new Map<string, DirectoryState>();
  /** By directory, the paths of known items in or below it: a cluster has thousands, and a move concerns few. */
  private readonly below = new Map<string, Set<string>>();
  /** Higher numbers have not been used in `kept`. */
  lastKept = 0;
  /** '' while it has no identifier. */
  powerCycle = '';
  /** Where the next preimage goes. */
  preimageBytes = 0;
  keptCount = 0;
  /** In bytes, of all files together. */
  preimageCount = 0;
  private sequence = 0;

  file(path: string): FileState | undefined {
    const [directory, name] = split(path);
    return this.directories.get(directory)?.files.get(name);
  }

  /** Returns the numbers in `kept` that are no longer needed. */
  apply(line: JournalLine): number[] {
    switch (line[0]) {
      case 'begun':
        throw new Error('a journal begins once');
      case 'durable': {
        const [, path, size] = line;
        const [directoryPath, name] = split(path);
        const directory = this.directory(directoryPath);
        const file = directory.files.get(name);
        if (file === undefined) {
          directory.files.set(name, { directory, name, durableSize: size, dirty: true, preimages: [], handles: 0, gone: false });
        } else {
          this.dropPreimages(file);
          file.durableSize = size;
        }
        return [];
      }
      case 'changed': {
        const [, path, position, length, at] = line;
        const file = this.file(path);
        if (file === undefined) return [];
        file.preimages.push({ position, length, at });
        this.preimageCount++;
        this.preimageBytes = Math.max(this.preimageBytes, at + length);
        return [];
      }
      case 'replaced': {
        const file = this.file(line[1]);
        if (file !== undefined) this.lose(file);
        return [];
      }
      case 'created': {
        const [directory, name] = split(line[1]);
        this.change(directory, { kind: 'created', name });
        return [];
      }
      case 'renamed': {
        const [, from, to] = line;
        const [fromDirectory, fromName] = split(from);
        const [directory, name] = split(to);
        this.change(directory, { kind: 'renamed', name, from: { directory: this.directory(fromDirectory), name: fromName } });
        this.move(from, to);
        return [];
      }
      case 'removed': {
        const [, path, kept] = line;
        const [directory, name] = split(path);
        this.change(directory, { kind: 'removed', name, kept });
        this.move(path, keptPath(kept));
        this.lastKept = Math.max(this.lastKept, kept);
        this.keptCount++;
        return [];
      }
      case 'directory':
        return this.settle(line[1]);
    }
  }

  /** Moves what is known of a file or tree. */
  move(from: string, to: string): void {
    const [fromDirectory, fromName] = split(from);
    const file = this.directories.get(fromDirectory)?.files.get(fromName);
    if (file !== undefined) {
      const [toDirectory, toName] = split(to);
      file.directory.files.delete(fromName);
      file.directory = this.directory(toDirectory);
      file.name = toName;
      file.directory.files.set(toName, file);
      return;
    }
    for (const directory of this.subtree(from)) {
      this.leave(directory.path);
      directory.path = to + directory.path.slice(from.length);
      this.enter(directory);
    }
  }

  /** Name changes that are not durable, the newest first: the order in which they are undone. */
  changes(): NameChange[] {
    return [...this.directories.values()].flatMap(({ changes }) => changes).sort((a, b) => b.sequence - a.sequence);
  }

  /**
   * All of it as plain data. Not as lines: the path in a line is valid only when the line was written, and may by now
   * belong to another item.
   */
  snapshot(): Snapshot {
    const directories = [...this.directories.values()];
    const known = new Map(directories.map((directory, index) => [directory, index]));
    // The directory that something was renamed from may be deleted for good, so the rename cannot be undone.
    const indexOf = (directory: DirectoryState): number => known.get(directory) ?? -1;
    return {
      directories: directories.map(({ path }) => path),
      changes: this.changes()
        .reverse()
        .map(({ directory, kind, name, from, kept }) => ({
          directory: indexOf(directory),
          kind,
          name,
          ...(from === undefined ? {} : { from: [indexOf(from.directory), from.name] as const }),
          ...(kept === undefined ? {} : { kept }),
        })),
      files: directories.flatMap(({ files }, index) =>
        [...files.values()].map(({ name, durableSize, preimages }) => [index, name, durableSize, preimages] as const),
      ),
    };
  }

  static of(snapshot: Snapshot): JournalState {
    const state = new JournalState();
    const directories = snapshot.directories.map((path) => state.directory(path));
    const at = (index: number): DirectoryState => directories[index] ?? { path: GONE, files: new Map(), changes: [] };
    for (const { directory, kind, name, from, kept } of snapshot.changes) {
      at(directory).changes.push({
        sequence: ++state.sequence,
        directory: at(directory),
        kind,
        name,
        ...(from === undefined ? {} : { from: { directory: at(from[0]), name: from[1] } }),
        ...(kept === undefined ? {} : { kept }),
      });
      if (kept === undefined) continue;
      state.keptCount++;
      state.lastKept = Math.max(state.lastKept, kept);
    }
    for (const [index, name, durableSize, preimages] of snapshot.files) {
      const directory = at(index);
      directory.files.set(name, { directory, name, durableSize, dirty: true, preimages: [...preimages], handles: 0, gone: false });
      state.preimageCount += preimages.length;
      for (const { at: start, length } of preimages) state.preimageBytes = Math.max(state.preimageBytes, start + length);
    }
    return state;
  }

  private directory(path: string): DirectoryState {
    let directory = this.directories.get(path);
    if (directory === undefined) this.enter((directory = { path, files: new Map(), changes: [] }));
    return directory;
  }

  /** Adds an item under its path; nothing from before belongs to it. */
  private enter(directory: DirectoryState): void {
    this.directories.set(directory.path, directory);
    for (let path = directory.path; path !== '';) {
      const parent = split(path)[0];
      const names = this.below.get(parent);
      if (names?.has(path) === true) return;
      if (names === undefined) this.below.set(parent, new Set([path]));
      else names.add(path);
      path = parent;
    }
  }

  private leave(path: string): void {
    this.directories.delete(path);
    for (let at = path; at !== '' && !this.directories.has(at) && !this.below.has(at);) {
      const parent = split(at)[0];
      const names = this.below.get(parent);
      names?.delete(at);
      if (names !== undefined && names.size > 0) return;
      this.below.delete(parent);
      at = parent;
    }
  }

  /** Known items at a path and below it. */
  private subtree(path: string): DirectoryState[] {
    const own = this.directories.get(path);
    const found = own === undefined ? [] : [own];
    for (const child of this.below.get(path) ?? []) for (const one of this.subtree(child)) found.push(one);
    return found;
  }

  private change(path: string, change: Omit<NameChange, 'sequence' | 'directory'>): void {
    const directory = this.directory(path);
    directory.changes.push({ ...change, sequence: ++this.sequence, directory });
  }

  private settle(path: string): number[] {
    const directory = this.directories.get(path);
    if (directory === undefined) return [];
    const free = keptBy(directory);
    directory.changes = [];
    // A deleted item may have lost parts before, which are kept separately.
    for (let next = 0; next < free.length; next++) for (const one of this.forget(keptPath(free[next] as number))) free.push(one);
    this.keptCount -= free.length;
    return free;
  }

  /** The item at a path is deleted for good. Returns the numbers of items that had been removed from below it. */
  forget(path: string): number[] {
    const file = this.file(path);
    if (file !== undefined) this.lose(file);
    const free: number[] = [];
    for (const directory of this.subtree(path)) {
      for (const one of [...directory.files.values()]) this.lose(one);
      for (const kept of keptBy(directory)) free.push(kept);
      this.leave(directory.path);
    }
    return free;
  }

  private lose(file: FileState): void {
    this.dropPreimages(file);
    file.gone = true;
    file.directory.files.delete(file.name);
  }

  private dropPreimages(file: FileState): void {
    this.preimageCount -= file.preimages.length;
    file.preimages = [];
  }
}

/** A directory of undo data: paths of its parts. */
export function layout(directory: string): { journal: string; preimages: string; kept: (number?: number) => string } {
  return {
    journal: `${directory}/journal`,
    preimages: `${directory}/preimages`,
    kept: (number) => (number === undefined ? `${directory}/kept` : `${directory}/kept/${number}`),
  };
}

/** The real path of an item, by its path in the state: in `kept`, or under the root. */
export function realPath(root: string, directory: string, path: string): string {
  return path.startsWith(`${KEPT}/`) ? layout(directory).kept() + path.slice(KEPT.length) : join(root, path);
}

/**
 * The state of a journal, empty where there is none. A malformed line can only be left from a real power cut;
 * it and all lines behind it are ignored.
 */
export function readJournal(disk: Disk, directory: string): JournalState {
  let state = new JournalState();
  const { journal } = layout(directory);
  if (!disk.exists(journal)) return state;
  const text = disk.readFile(journal).toString('utf8');
  const lines = text.slice(0, text.lastIndexOf('\n') + 1).split('\n');
  for (const line of lines) {
    if (line === '') continue;
    const parsed = parse(line);
    if (parsed === undefined) return state;
    if (parsed[0] === 'begun') {
      state = JournalState.of(parsed[2]);
      state.powerCycle = parsed[1];
    } else state.apply(parsed);
  }
  return state;
}

export function join(directory: string, name: string): string {
  return directory === '' ? name : `${directory}/${name}`;
}

/** The directory of a path and the name in it. */
export function split(path: string): [directory: string, name: string] {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? ['', path] : [path.slice(0, slash), path.slice(slash + 1)];
}

function keptBy({ changes }: DirectoryState): number[] {
  return changes.flatMap(({ kept }) => (kept === undefined ? [] : [kept]));
}

export function keptPath(kept: number): string {
  return `${KEPT}/${kept}`;
}

function parse(line: string): JournalLine | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return Array.isArray(value) && typeof value[0] === 'string' && typeof value[1] === 'string'
      ? (value as unknown as JournalLine)
      : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
