import type { Random } from '../lib/random.ts';

/** What stands where a topic or directory has no id. UUIDs travel through the code in Kafka's text form: 22 characters of URL-safe base64. */
export const ZERO_UUID = 'AAAAAAAAAAAAAAAAAAAAAA';

/** A random version 4 UUID that, as Kafka demands of its ids, does not start with a dash (it would read as an option on a command line). */
export function randomUuid(random: Random): string {
  for (;;) {
    const bytes = Buffer.from(random.bytes(16));
    bytes[6] = ((bytes[6] as number) & 0x0f) | 0x40;
    bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
    const text = bytes.toString('base64url');
    if (!text.startsWith('-')) return text;
  }
}
