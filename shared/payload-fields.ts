/** Fields that payloads of the contract are made of, bounded to what Kafka can encode. */
import * as z from 'zod';

/** Kafka's integers. What does not fit would fail when the request is encoded. */
export const INT16_MAX = 32_767;
export const INT32_MAX = 2_147_483_647;
export const nodeId = z.number().int().min(0).max(INT32_MAX);
export const partitionId = z.number().int().min(0).max(INT32_MAX);
/** As many as a topic can have here. */
export const partitionIds = z.array(partitionId).max(10_000);
export const topicName = z.string().min(1).max(249);
export const groupId = z
  .string()
  .max(INT16_MAX)
  // A coordinator stores it in a record whose strings have a length of 16 bits.
  .refine((text) => new TextEncoder().encode(text).length <= INT16_MAX, { error: 'must have at most 32,767 bytes' });
/** 64-bit numbers travel as decimal strings. */
export const offset = z
  .string()
  .regex(/^-?\d{1,19}$/, { error: 'must be a whole number' })
  .refine((text) => isInt64(text), { error: 'must fit into 64 bits' });
/** A place in a log: −1 and −2, which mean its ends to Kafka, are no places. */
export const placeInLog = z.string().regex(/^\d{1,18}$/, { error: 'must be a whole number of at most 18 digits' });
export const znodePath = z.string().min(1).max(4_096).startsWith('/', { error: 'must begin with /' });
/** Below the pages' own node: nothing that another client keeps there is written to. */
export const learnPath = z
  .string()
  .max(200)
  .regex(/^\/learn(\/[^/\p{Cc}]+)*$/u, 'must be below /learn, for example /learn/here');
export const loadId = z.number().int().min(1);
const settingName = z.string().min(1).max(1_000);
/** Kafka's strings have at most 32,767 bytes in versions that are not flexible. */
export const settingValue = z.string().max(INT16_MAX);
export const recordText = z.object({ encoding: z.enum(['null', 'utf8', 'hex']), text: z.string().max(1_048_576) });

/** Of a decimal number; zod calls it for text that is none as well. */
function isInt64(text: string): boolean {
  if (!/^-?\d{1,19}$/.test(text)) return true;
  const value = BigInt(text);
  return value === BigInt.asIntN(64, value);
}

/** By their names. A key `__proto__` would be lost without a word on the way into the parsed object. */
export function settings<T extends z.ZodType<string | null>>(value: T) {
  return z.preprocess(
    (given, context) => {
      if (typeof given === 'object' && given !== null && Object.hasOwn(given, '__proto__'))
        context.addIssue({ code: 'custom', message: 'must not have a setting __proto__' });
      return given;
    },
    z.record(settingName, value).refine((all) => Object.keys(all).length <= 1_000, { error: 'must have at most 1,000 entries' }),
  );
}

const connectionId = z.string().min(1).max(100);

/** The payload of a request about one cluster: it names the connection, and main refuses it for any other. */
export function onConnection<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  return z.object({ connectionId, ...shape });
}

/** The id of the topic that was shown, base64url; null on clusters without topic ids. */
export const shownTopicId = z
  .string()
  .regex(/^[A-Za-z0-9_-]{22}$/, { error: 'must be a topic id of 22 characters' })
  .nullable();

/** What was shown of a group when the request was prepared. */
export const shownGroup = z.object({ state: z.string().min(1).max(100), members: z.number().int().min(0).max(INT32_MAX) });
