/**
 * Actions, conditions and expectations of a scenario. Each is an object that its first key identifies (`heal: all`, `isr: orders-0`);
 * unknown keys are refused, so that a typing error is reported.
 */
import * as z from 'zod';
import { DURATION_PATTERN, parseDuration } from './durations.ts';
import { scenarioFaultSchema } from './fault-schema.ts';
import { groupLoadSchema, loadKeysSchema, producerLoadSchema } from './load-schema.ts';
import { isName, parsePartition, parseTarget } from './scenario-targets.ts';

const HOUR = 3_600_000;

/** In the file a text such as `3s`; here milliseconds. */
export const duration = z
  .string()
  .regex(DURATION_PATTERN, { error: 'a duration is a number and its unit: 250ms, 3s or 2m' })
  .transform((text) => parseDuration(text) ?? 0)
  .refine((ms) => ms <= HOUR, { error: 'no more than an hour' });

export const name = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,40}$/, { error: 'a name has small letters, digits and dashes, and begins with a letter' })
  .refine(isName, { error: 'this word has a meaning of its own; take another name' });

export const topic = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[A-Za-z0-9._-]+$/, { error: 'a topic has letters, digits, dots, dashes and underscores' });
const group = z.string().min(1).max(249);
const loadName = z.string().min(1).max(100);

export const target = z
  .union([z.number().int().min(1), z.string().min(1).max(300)], { error: 'a broker is named by its number or in words' })
  .refine((text) => parseTarget(text) !== null, {
    error:
      'no broker is named so; write leader of orders-0, a follower of orders-0, controller, coordinator of readers, a broker, 2 or a name',
  });

export const partition = z.string().refine((text) => parsePartition(text) !== null, { error: 'a partition is written orders-0' });

const count = z.number().int().min(0).max(1e12);
const text = z.string().max(100_000);

/** The faults of the lab, with descriptions of brokers. */
export const scenarioFault = scenarioFaultSchema(target);

const [noKeys, evenKeys, hotKeys] = loadKeysSchema.options;
const keys = z.discriminatedUnion('kind', [noKeys.strict(), evenKeys.strict(), hotKeys.strict()]).default({ kind: 'even', distinct: 100 });
/** A load of the lab, by the same fields. */
export const scenarioLoad = z
  .discriminatedUnion('kind', [producerLoadSchema.extend({ keys }).strict(), groupLoadSchema.strict()])
  .refine((load) => load.kind === 'group' || !load.idempotent || load.acks === 'all', {
    error: 'an idempotent producer needs acks: all',
    path: ['idempotent'],
  });

/** A record to write; without a value it is a tombstone. */
const record = z.strictObject({
  key: text.nullable().default(null),
  value: text.nullable(),
  partition: z.number().int().min(0).optional(),
});

/** Counters of a load that a condition can look at: `writer.acknowledged`. */
export const COUNTERS = [
  'sent',
  'acknowledged',
  'failed',
  'waiting',
  'medianMs',
  'p99Ms',
  'consumed',
  'repeated',
  'rebalances',
  'crashes',
] as const;
export type CounterName = (typeof COUNTERS)[number];
const counter = z.string().refine((value) => COUNTERS.some((one) => value.endsWith(`.${one}`) && value.length > one.length + 1), {
  error: `a counter is written LOAD.COUNTER; there are ${COUNTERS.join(', ')}`,
});

const bounds = { atLeast: z.number().optional(), atMost: z.number().optional() };
const eventType = z.string().regex(/^[a-z]+\/[a-zA-Z]+$/, { error: 'a type of event is written cluster/brokerFenced' });
const eventFilter = { of: target.optional(), topic: topic.optional(), group: group.optional() };

/** A statement about the cluster that is true or false. */
const CONDITIONS = {
  leader: { leader: partition, is: z.union([z.literal('none'), target]).optional(), isNot: target.optional() },
  isr: { isr: partition, size: count.optional(), has: target.optional(), lacks: target.optional() },
  lag: { lag: group, ...bounds },
  members: { members: group, are: count },
  counter: { counter, ...bounds },
  event: { event: eventType, ...eventFilter },
  node: { node: target, is: z.enum(['running', 'frozen', 'stopped', 'killed', 'failed']) },
  writable: { writable: partition },
  refused: { refused: partition, with: z.string().regex(/^[A-Z_]+$/, { error: "Kafka's name of the error: NOT_ENOUGH_REPLICAS" }) },
  skew: { skew: topic, ...bounds },
  value: { value: text, of: topic, is: text.optional(), gone: z.literal(true).optional() },
  stored: { stored: text, of: topic, ...bounds },
  view: { view: name, key: text, is: text.optional(), gone: z.literal(true).optional() },
} as const;

const after = z.union([name, z.literal('start')]);
const when = {
  /** Text for the report; without it a text is made from the other fields. */
  that: z.string().max(200).optional(),
  /** The step whose end starts the time limit; without it the start of the steps. */
  after: after.optional(),
  /** Must become true within that time; without it: must be true at the end of the steps. */
  within: duration.optional(),
};
const counted = { that: when.that, after: after.optional(), ...bounds };

export const condition = z.union([
  z.strictObject(CONDITIONS.leader),
  z.strictObject(CONDITIONS.isr),
  z.strictObject(CONDITIONS.lag),
  z.strictObject(CONDITIONS.members),
  z.strictObject(CONDITIONS.counter),
  z.strictObject(CONDITIONS.event),
  z.strictObject(CONDITIONS.node),
  z.strictObject(CONDITIONS.writable),
  z.strictObject(CONDITIONS.refused),
  z.strictObject(CONDITIONS.skew),
  z.strictObject(CONDITIONS.value),
  z.strictObject(CONDITIONS.stored),
  z.strictObject(CONDITIONS.view),
]);

const amount = z.union([z.enum(['none', 'some']), count]);
export const expectation = z.union([
  z.strictObject({ ...when, ...CONDITIONS.leader }),
  z.strictObject({ ...when, ...CONDITIONS.isr }),
  z.strictObject({ ...when, ...CONDITIONS.lag }),
  z.strictObject({ ...when, ...CONDITIONS.members }),
  z.strictObject({ ...when, ...CONDITIONS.counter }),
  z.strictObject({ ...when, ...CONDITIONS.event }),
  z.strictObject({ ...when, ...CONDITIONS.node }),
  z.strictObject({ ...when, ...CONDITIONS.writable }),
  z.strictObject({ ...when, ...CONDITIONS.refused }),
  z.strictObject({ ...when, ...CONDITIONS.skew }),
  z.strictObject({ ...when, ...CONDITIONS.value }),
  z.strictObject({ ...when, ...CONDITIONS.stored }),
  z.strictObject({ ...when, ...CONDITIONS.view }),
  /** For a producer load: acknowledged records that are missing in the log after all faults have ended. */
  z.strictObject({ that: when.that, lost: loadName, is: amount }),
  z.strictObject({ that: when.that, duplicates: loadName, is: amount }),
  /** For a group: number of rebalances that its coordinator started. */
  z.strictObject({ ...counted, rebalances: group }),
  z.strictObject({ ...counted, events: eventType, ...eventFilter }),
]);

export const action = z.union([
  z.strictObject({ fault: scenarioFault, as: name.optional() }),
  /** Cuts a broker off from all other brokers, from all clients, or both. */
  z.strictObject({ isolate: target, from: z.enum(['brokers', 'clients', 'everyone']).default('brokers'), as: name.optional() }),
  z.strictObject({ heal: z.union([z.literal('all'), name]) }),
  z.strictObject({ start: target }),
  /** Stores the id of the broker that the target is now. */
  z.strictObject({ pick: target, as: name }),
  z.strictObject({ run: scenarioLoad }),
  z.strictObject({ end: loadName }),
  z.strictObject({
    change: loadName,
    recordsPerSecond: z.number().min(0.1).max(50_000).optional(),
    members: z.number().int().min(1).max(12).optional(),
  }),
  z.strictObject({ crash: loadName, member: z.number().int().min(1).optional() }),
  z.strictObject({ pause: loadName, member: z.number().int().min(1).optional() }),
  z.strictObject({ resume: loadName, member: z.number().int().min(1).optional() }),
  z.strictObject({ configure: topic, configs: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])) }),
  z.strictObject({ deleteRecords: partition, before: z.union([z.literal('end'), count]) }),
  z.strictObject({ write: topic, records: z.array(record).min(1).max(1_000) }),
  z.strictObject({ elect: partition, kind: z.enum(['preferred', 'unclean']).default('preferred') }),
  /** Continues at the position of that view, as a restarted consumer does, and keeps the last value of each key. */
  z.strictObject({ read: topic, view: name }),
  z.strictObject({ wait: duration }),
]);

export type ScenarioCondition = z.infer<typeof condition>;
export type ScenarioExpectation = z.infer<typeof expectation>;
export type ScenarioAction = z.infer<typeof action>;
export type ScenarioFault = z.infer<typeof scenarioFault>;
export type ScenarioLoad = z.infer<typeof scenarioLoad>;

/** The first words of each kind, in the order of its union. */
export const CONDITION_WORDS = [
  'leader',
  'isr',
  'lag',
  'members',
  'counter',
  'event',
  'node',
  'writable',
  'refused',
  'skew',
  'value',
  'stored',
  'view',
] as const;
export const EXPECTATION_WORDS = [...CONDITION_WORDS, 'lost', 'duplicates', 'rebalances', 'events'] as const;
export const ACTION_WORDS = [
  'fault',
  'isolate',
  'heal',
  'start',
  'pick',
  'run',
  'end',
  'change',
  'crash',
  'pause',
  'resume',
  'configure',
  'deleteRecords',
  'write',
  'elect',
  'read',
  'wait',
] as const;
