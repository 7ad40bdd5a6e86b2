/**
 * The one schema of a scenario, for whatever brings it: a file, the screen, the control API. `docs/scenarios.md` explains
 * it and `docs/scenario.schema.json` is made of it.
 */
import * as z from 'zod';
import { action, condition, duration, expectation, name, scenarioLoad, target, topic } from './scenario-verbs.ts';
import { checkReferences } from './scenario-references.ts';

const step = z.strictObject({
  name: name.optional().describe('By which expectations refer to it.'),
  at: duration.optional().describe('From the start of the steps: 3s. Without it, it follows the step before.'),
  after: duration.optional().describe('After the end of the step before: 2s.'),
  until: condition.optional().describe('Waited for before anything is done.'),
  within: duration.optional().describe('How long until is waited for; 30s without it.'),
  say: z.string().min(1).max(2_000).describe('What happens and why, in plain words, for the viewer.'),
  do: z.array(action).max(50).default([]).describe('One after another.'),
});

const topicSpec = z.strictObject({
  name: topic,
  partitions: z.number().int().min(1).max(100).default(1),
  replication: z.number().int().min(1).max(9).default(3),
  /** Brokers of each partition, the preferred leader first; instead of `partitions` and `replication`. */
  replicas: z.array(z.array(target).min(1).max(9)).min(1).max(100).optional(),
  configs: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).default({}),
});

export const scenarioSchema = z
  .strictObject({
    /** An editor's; of no meaning here. */
    $schema: z.string().optional(),
    name,
    title: z.string().min(1).max(100),
    about: z.string().min(1).max(4_000).describe('What it teaches.'),
    cluster: z
      .strictObject({
        brokers: z.number().int().min(1).max(9).default(3),
        properties: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).default({}),
      })
      .default({ brokers: 3, properties: {} }),
    topics: z.array(topicSpec).max(20).default([]).describe('Made for the run and removed after it.'),
    load: z.array(scenarioLoad).max(20).default([]).describe('Started before the first step, which begins when all of it works.'),
    steps: z.array(step).min(1).max(100),
    expect: z.array(expectation).min(1).max(100),
  })
  .superRefine(checkReferences);

export type Scenario = z.infer<typeof scenarioSchema>;
/** As it is written in a file. */
export type ScenarioFile = z.input<typeof scenarioSchema>;
export type ScenarioStep = Scenario['steps'][number];

/** What a file may say, as JSON Schema (2020-12). */
export function scenarioJsonSchema(): Record<string, unknown> {
  return { ...z.toJSONSchema(scenarioSchema, { io: 'input' }) };
}
