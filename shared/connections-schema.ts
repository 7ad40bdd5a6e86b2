/** The file that keeps the remote clusters of a user. Other versions of the app, other processes and people write it too, so nothing of it is trusted. */
import * as z from 'zod';
import { messageOf } from './errors.ts';

export const CONNECTIONS_VERSION = 1;
export const MAX_CONNECTIONS = 500;

const COLOURS = ['flow', 'accent', 'warn', 'bad', 'control'] as const;

const storedConnection = z.object({
  id: z.string().min(1).max(100),
  name: z.string().min(1).max(100),
  kind: z.literal('remote'),
  bootstrap: z.string().min(1).max(2_000),
  colour: z.enum(COLOURS),
});
export type StoredConnection = z.infer<typeof storedConnection>;

export type ParsedConnections =
  /** `broken` counts rows that are none, or repeat an id. */
  | { state: 'read'; connections: StoredConnection[]; broken: number }
  | { state: 'newer'; version: number }
  | { state: 'broken'; why: string };

/** Never throws. */
export function parseConnections(text: string): ParsedConnections {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { state: 'broken', why: messageOf(error) };
  }
  const file = z.object({ version: z.int().min(1), connections: z.unknown() }).safeParse(value);
  if (!file.success) return { state: 'broken', why: 'it has no version' };
  const { version, connections: rows } = file.data;
  if (version > CONNECTIONS_VERSION) return { state: 'newer', version };
  if (!Array.isArray(rows)) return { state: 'broken', why: 'it has no list of connections' };
  const connections = new Map<string, StoredConnection>();
  for (const row of rows) {
    const parsed = storedConnection.safeParse(row);
    if (parsed.success && !connections.has(parsed.data.id) && connections.size < MAX_CONNECTIONS)
      connections.set(parsed.data.id, parsed.data);
  }
  return { state: 'read', connections: [...connections.values()], broken: rows.length - connections.size };
}
