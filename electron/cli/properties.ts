/**
 * Broker settings from a file in the form of Kafka's own server.properties: `name=value` a line, `#` and `!` comments, a
 * backslash at the end of a line goes on in the next.
 */
import { UsageError } from './command.ts';

/** What the supervisor decides; a value from a file would contradict it. */
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

/** Throws `UsageError`, naming the file and the line. */
export function parseProperties(text: string, file: string): Record<string, string> {
  if (text.length > MAX_CHARACTERS)
    throw new UsageError(
      `${file} has ${text.length.toLocaleString('en')} characters; at most ${MAX_CHARACTERS.toLocaleString('en')} are read.`,
    );
  // A map: an object would lose a property named __proto__ without a word.
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
    if (RESERVED.has(name)) throw new UsageError(`${file}, line ${number}: ${name} is decided by Brokerdesk and cannot be set.`);
    properties.set(name, value.trimEnd().replaceAll('\\\\', '\\'));
  }
  return Object.fromEntries(properties);
}

/** An odd number of backslashes at its end: each pair of them is one that is meant. */
function isContinued(line: string): boolean {
  let count = 0;
  while (line[line.length - 1 - count] === '\\') count++;
  return count % 2 === 1;
}
