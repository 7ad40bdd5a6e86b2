/** Every request of the contract with payloads that do not fit: what a person reads names no channel, no schema and nothing of the code. */
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { createInvoke, type Handlers } from '../../electron/ipc/handle.ts';
import { describePayloadProblem } from '../../electron/ipc/payload-problem.ts';
import { EventBus } from '../../electron/services/event-bus.ts';
import { requestSchemas, type RequestChannel } from '../../shared/ipc.ts';
import { fakeSession } from '../helpers/fake-session.ts';

const BAD: readonly unknown[] = [
  undefined,
  null,
  true,
  -1,
  0.5,
  2 ** 53,
  Number.NaN,
  '',
  'x',
  'a/b',
  'x'.repeat(1_100_000),
  [],
  [null],
  Array.from({ length: 20_000 }, () => 0),
  {},
  { kind: 'other', type: 'other' },
  JSON.parse('{"__proto__":"x"}') as unknown,
];
/** Words of the schema library and of the code; camel case is a name of the code. */
const INTERNAL = /payload|schema|zod|expected|received|invalid|undefined|\bnan\b|\[object|\bnull\b|function/i;
const CAMEL_CASE = /\b[a-z]+[A-Z]/;

const channels = Object.keys(requestSchemas) as RequestChannel[];

interface Json {
  anyOf?: Json[];
  oneOf?: Json[];
  type?: string;
  const?: unknown;
  enum?: unknown[];
  items?: Json;
  prefixItems?: Json[];
  properties?: { [name: string]: Json };
}

/** A value of the schema's form for each of its alternatives; patterns and limits need not hold. */
function samples(json: Json): unknown[] {
  const options = json.anyOf ?? json.oneOf;
  if (options !== undefined) return options.flatMap(samples);
  if ('const' in json) return [json.const];
  if (json.enum !== undefined) return [json.enum[0]];
  if (json.prefixItems !== undefined) return [json.prefixItems.map((item) => samples(item)[0])];
  switch (json.type) {
    case 'object': {
      const members = Object.entries(json.properties ?? {}).map(([name, inner]) => ({ name, values: samples(inner) }));
      const most = Math.max(1, ...members.map(({ values }) => values.length));
      return Array.from({ length: most }, (_none, at) =>
        Object.fromEntries(members.map(({ name, values }) => [name, values[Math.min(at, values.length - 1)]])),
      );
    }
    case 'array':
      return [samples(json.items ?? {}).slice(0, 1)];
    case 'string':
      return ['1'];
    case 'null':
      return [null];
    case 'boolean':
      return [true];
    case 'number':
    case 'integer':
      return [1];
    default:
      return [{ 'retention.ms': 5 }];
  }
}

/** Of a payload, every copy in which one value is bad. */
function variants(value: unknown): unknown[] {
  const below = Array.isArray(value)
    ? value.flatMap((item, index) => variants(item).map((changed) => value.with(index, changed) as unknown))
    : typeof value === 'object' && value !== null
      ? Object.entries(value).flatMap(([key, inner]) => variants(inner).map((changed) => ({ ...value, [key]: changed })))
      : [];
  return [...BAD, ...below];
}

function problemsOf(channel: RequestChannel): Set<string> {
  const texts = new Set<string>();
  const schema = requestSchemas[channel];
  const json = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any', reused: 'inline' }) as Json;
  for (const payload of samples(json).flatMap(variants)) {
    const { error } = schema.safeParse(payload);
    for (const issue of (error?.issues ?? []).slice(0, 20)) texts.add(describePayloadProblem(issue).text);
  }
  return texts;
}

describe('what a person reads of a request that does not fit', () => {
  test.each(channels)('%s', (channel) => {
    const texts = [...problemsOf(channel)];
    expect(texts.length).toBeGreaterThan(0);
    expect(texts.filter((text) => INTERNAL.test(text) || CAMEL_CASE.test(text))).toEqual([]);
    expect(texts.filter((text) => channels.some((name) => text.includes(name)))).toEqual([]);
    expect(texts.filter((text) => !/^[A-Z0-9/].{5,200}[^.]$/.test(text))).toEqual([]);
  });

  test('names the field in words of the screen', () => {
    const first = (channel: RequestChannel, payload: object): string =>
      describePayloadProblem(requestSchemas[channel].safeParse({ connectionId: 'c', ...payload }).error?.issues[0]).text;
    expect(first('connection/add', { name: '', bootstrap: 'a', colour: 'flow' })).toBe('Name must have at least 1 character');
    const text = (value: string): { encoding: string; text: string } => ({ encoding: 'utf8', text: value });
    const record = { topic: 't', partition: null, key: text('k'), value: text('x'.repeat(1_048_577)), headers: [], acks: -1 };
    expect(first('message/produce', record)).toBe('Value must have at most 1,048,576 characters');
    const header = { key: 'x'.repeat(40_000), value: text('v') };
    expect(first('message/produce', { ...record, value: text('v'), headers: [header] })).toBe(
      'Headers, entry 1, key must have at most 32,767 characters',
    );
    expect(first('topic/setConfigs', { name: 't', topicId: null, configs: { 'retention.ms': 5 } })).toBe('retention.ms must be text');
  });

  test('is refused without the name of a request that is not known', async () => {
    const invoke = createInvoke({} as Handlers, () => undefined);
    const answer = await invoke(fakeSession(new EventBus()), 'topic/explode', {});
    expect(JSON.stringify(answer)).not.toContain('explode');
  });
});
