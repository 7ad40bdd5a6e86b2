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

/** Throws `UsageError`, naming the file and the line. */
export function parseProperties(text: string, file: string): Record<string, string> {
  const properties: Record<string, string> = {};
  const lines = text.split(/\r\n|\n|\r/);
  for (let i = 0; i < lines.length; i++) {
    const number = i + 1;
    let line = (lines[i] as string).trimStart();
    if (line === '' || line.startsWith('#') || line.startsWith('!')) continue;
    while (/(^|[^\\])(\\\\)*\\$/.test(line) && i + 1 < lines.length) line = line.slice(0, -1) + (lines[++i] as string).trimStart();
    const found = /^([^=:\s]+)\s*[=:\s]\s*(.*)$/.exec(line);
    if (found === null) throw new UsageError(`${file}, line ${number}: "${line}" is not name=value.`);
    const [, name = '', value = ''] = found;
    if (RESERVED.has(name)) throw new UsageError(`${file}, line ${number}: ${name} is decided by Brokerdesk and cannot be set.`);
    properties[name] = value.trimEnd().replaceAll('\\\\', '\\');
  }
  return properties;
}
