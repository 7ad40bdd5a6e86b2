/**
 * Parses broker settings in the format of Kafka's server.properties: one `name=value` per line, comments with `#` and `!`, and
 * a backslash at the end of a line that continues in the next.
 */
import { UsageError } from './command.ts';

/** Settings that the supervisor of the cluster sets. */
const RESERVED = new Set([
  'node.id',
  'broker.id',
  'process.roles',
  'listeners',
  'advertised.listeners',
  'listener.security.protocol.map',
  'inter.broker.listener.name',
  'controller.listener.names',
  'controller.quorum.voters',
  'log.dir',
  'log.dirs',
  'metadata.log.dir',
]);

const MAX_CHARACTERS = 1_000_000;

/** Throws `UsageError` with the file and the line. */
export function parseProperties(text: string, file: string): Record<string, string> {
  if (text.length > MAX_CHARACTERS)
    throw new UsageError(
      `${file} has ${text.length.toLocaleString('en')} characters; at most ${MAX_CHARACTERS.toLocaleString('en')} are read.`,
    );
  // A map, since an object cannot hold a property named __proto__.
  const properties = new Map<string, string>();
  const lines = text.split(/\r\n|\n|\r/);
  for (let i = 0; i < lines.length; i++) {
    const number = i + 1;
    let line = (lines[i] as string).trimStart();
    if (line === '' || line.startsWith('#') || line.startsWith('!')) continue;
    const parts: string[] = [];
    while (isContinued(line) && i + 1 < lines.length) {
      parts.push(line.slice(0, -1));
      line = (lines[++i] as string).trimStart();
    }
    line = [...parts, line].join('');
    const found = /^([^=:\s]+)\s*[=:\s]\s*(.*)$/.exec(line);
    if (found === null) throw new UsageError(`${file}, line ${number}: "${line}" is not name=value.`);
    const [, name = '', value = ''] = found;
    if (RESERVED.has(name)) throw new UsageError(`${file}, line ${number}: ${name} is set by Brokerdesk and cannot be changed.`);
    properties.set(name, value.trimEnd().replaceAll('\\\\', '\\'));
  }
  return Object.fromEntries(properties);
}

/** True for an odd number of backslashes at the end: each pair is an escaped backslash. */
function isContinued(line: string): boolean {
  let count = 0;
  while (line[line.length - 1 - count] === '\\') count++;
  return count % 2 === 1;
}
