/**
 * A node's own directory. `meta.properties` identifies its owner, in Apache Kafka's form (version 1: cluster.id, node.id), so that a directory is
 * never opened as another node's or another cluster's.
 */
import type { Disk } from './lib/disk.ts';
import type { NodeConfig } from './lib/node-config.ts';
import type { Random } from './lib/random.ts';
import { randomUuid } from './protocol/uuid.ts';

/** The directory cannot be used by this node; the message names it and the reason. */
export class DirectoryError extends Error {
  readonly code = 'DIRECTORY_UNUSABLE';

  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'DirectoryError';
  }
}

const FILE = 'meta.properties';
const UNFINISHED = `${FILE}.tmp`;
const VERSION = '1';

/** Assigns a new directory to this node, or checks that it is this node's. Returns its directory id (KIP-858). Throws `DirectoryError`. */
export function claimDirectory(disk: Disk, random: Random, config: Pick<NodeConfig, 'dataDirectory' | 'clusterId' | 'nodeId'>): string {
  const { dataDirectory, clusterId, nodeId } = config;
  const file = `${dataDirectory}/${FILE}`;
  disk.makeDirectory(dataDirectory);
  if (!disk.exists(file)) {
    // A first start that ended before the rename, for example on a full disk, leaves only this file.
    const others = disk.list(dataDirectory).filter((name) => name !== UNFINISHED);
    if (others.length > 0) {
      const held = others.slice(0, 3).join(', ');
      throw new DirectoryError(`${file} is missing, and ${dataDirectory} is not empty (${held}); ${cure(dataDirectory)}`);
    }
    const directoryId = randomUuid(random);
    const lines = [`version=${VERSION}`, `cluster.id=${clusterId}`, `node.id=${nodeId}`, `directory.id=${directoryId}`];
    disk.writeFileAtomic(file, Buffer.from(`#\n${lines.join('\n')}\n`));
    return directoryId;
  }
  const found = parse(disk.readFile(file).toString('utf8'));
  const version = found.get('version');
  if (version !== VERSION) {
    if (version === undefined) throw new DirectoryError(`${file} is damaged: it names no version; ${cure(dataDirectory)}`);
    throw new DirectoryError(`${file} is of version ${version}, this Brokerdesk knows version ${VERSION}; it is left as it is`);
  }
  expect(file, 'cluster.id', clusterId, found.get('cluster.id'));
  expect(file, 'node.id', String(nodeId), found.get('node.id'));
  const directoryId = found.get('directory.id');
  if (directoryId === undefined) throw new DirectoryError(`${file} is damaged: it names no directory.id; ${cure(dataDirectory)}`);
  return directoryId;
}

/** Advice about a directory that this node must not use. */
function cure(dataDirectory: string): string {
  return `nothing was changed. Restore the file, or move ${dataDirectory} away while the other nodes run: then this node fetches everything from them`;
}

function expect(file: string, key: string, wanted: string, found: string | undefined): void {
  if (found !== wanted) {
    throw new DirectoryError(
      `${file} says ${key}=${found ?? '(nothing)'} and this is ${key}=${wanted}: it belongs to another node or cluster`,
    );
  }
}

function parse(text: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const line of text.split('\n')) {
    const at = line.indexOf('=');
    if (!line.startsWith('#') && at > 0) found.set(line.slice(0, at).trim(), line.slice(at + 1).trim());
  }
  return found;
}
