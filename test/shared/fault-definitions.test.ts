/** Every fault by its definition: schema, texts and effect. A new fault is tested here without a change. */
import { describe, expect, it } from 'vitest';
import { effectOf, processFaultOf, rulesOf } from '../../electron/cluster/fault-effects.ts';
import { parseFault } from '../../shared/fault-schema.ts';
import { FAULTS, definitionOf, describeFault, describeFaultAction, type FaultSpec } from '../../shared/faults/definitions.ts';
import type { FaultField } from '../../shared/faults/fields.ts';
import { EVENTS } from '../../shared/timeline/events.ts';
import { PROCESS_ENDS, OUT_OF_SERVICE } from '../../shared/timeline/event-types.ts';

/** A value that is not the default. */
function exampleOf(field: FaultField): unknown {
  switch (field.kind) {
    case 'node':
      return 2;
    case 'between':
      return [2, 3];
    case 'number':
      return Math.min(field.max, 1_500);
    case 'choice':
      return field.values.find((value) => value !== field.default);
    case 'topic':
      return 'orders';
    case 'partition':
      return 1;
  }
}

function example(definition: (typeof FAULTS)[number]): Record<string, unknown> {
  return {
    type: definition.type,
    ...Object.fromEntries(Object.entries<FaultField>(definition.fields).map(([name, field]) => [name, exampleOf(field)])),
  };
}

function parse(value: unknown): FaultSpec {
  const parsed = parseFault(value);
  if ('problem' in parsed) throw new Error(parsed.problem);
  return parsed.fault;
}

describe.each(FAULTS.map((definition) => [definition.type, definition] as const))('fault %s', (type, definition) => {
  it('is accepted with all fields, and with those that have no default', () => {
    const whole = example(definition);
    expect(parse(whole)).toEqual(whole);
    const fields = Object.entries<FaultField>(definition.fields);
    const required = fields.filter(([, field]) => !('default' in field)).map(([name]) => name);
    const short = Object.fromEntries(Object.entries(whole).filter(([name]) => name === 'type' || required.includes(name)));
    expect(Object.keys(parse(short)).sort()).toEqual(Object.keys(whole).sort());
    for (const name of required) expect(parseFault({ ...whole, [name]: undefined }), name).toHaveProperty('problem');
  });

  it('names its brokers in both texts', () => {
    const fault = parse(example(definition));
    expect(describeFault(fault)).toContain('2');
    expect(describeFaultAction(fault, (node) => `<${node}>`)).toContain('<2>');
  });

  it('has an effect that fits its definition', () => {
    const effect = effectOf(parse(example(definition)));
    expect(effect.by === 'process').toBe(definition.disturbs === 'process');
    if (effect.by !== 'process') return;
    expect(definition.endsProcess === true).toBe(PROCESS_ENDS.has(effect.event));
    expect(OUT_OF_SERVICE.has(effect.event)).toBe(true);
    expect(EVENTS[effect.event]).toMatchObject({ begins: 'fault' });
    expect(processFaultOf(effect.event, 2)).toEqual({ type, node: 2 });
  });

  it('is a rule of its own brokers only', () => {
    const fault = parse(example(definition));
    if (effectOf(fault).by !== 'rules') return;
    const none = rulesOf(1, []);
    expect(rulesOf(1, [{ fault }])).toEqual(none);
    expect(rulesOf(2, [{ fault }])).not.toEqual(none);
  });
});

it('refuses faults without an effect', () => {
  const problemOf = (value: object): string | null => {
    const fault = parse(value);
    return definitionOf(fault).findProblem?.(fault) ?? null;
  };
  expect(problemOf({ type: 'slowDisk', node: 1 })).toBe('a latency or a bandwidth limit is required');
  expect(problemOf({ type: 'slowLink', between: [1, 2], jitterMs: 5 })).toBeNull();
  expect(problemOf({ type: 'clockSkew', node: 1, offsetMs: 0 })).toBe('an offset of 0 ms has no effect');
});

it('states each end of a link from the side of its broker', () => {
  const fault = parse({ type: 'partition', between: [2, 'clients'], direction: 'out' });
  expect(rulesOf(2, [{ fault }]).links).toMatchObject([{ peer: 'clients', direction: 'out', cut: true }]);
  const other = parse({ type: 'slowLink', between: [2, 3], direction: 'out', latencyMs: 5 });
  expect(rulesOf(3, [{ fault: other }]).links).toMatchObject([{ peer: 2, direction: 'in', cut: false, latencyMs: 5 }]);
});
