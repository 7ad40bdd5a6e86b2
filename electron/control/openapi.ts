/** Builds the OpenAPI document from the routes of the server. */
import { faultJsonSchema } from '#shared/fault-schema';
import { scenarioJsonSchema } from '#shared/scenario-schema';
import type { Route } from './routes.ts';

const integer = { type: 'integer' };
const nullableInteger = { type: ['integer', 'null'] };

const SCHEMAS = {
  Node: {
    type: 'object',
    required: ['id', 'state', 'role', 'host', 'port', 'controllerPort', 'zookeeperPort', 'since', 'sessionAgeMs', 'sessionTimeoutMs'],
    properties: {
      id: integer,
      state: { type: 'string', enum: ['starting', 'running', 'frozen', 'stopping', 'stopped', 'killed', 'failed'] },
      reason: { type: ['string', 'null'], description: 'Reason of the failure.' },
      role: { type: ['string', 'null'], enum: ['leader', 'follower', 'candidate', null], description: 'Role in the metadata quorum.' },
      leadsSince: {
        ...nullableInteger,
        description: 'When the node became leader of the metadata quorum, in milliseconds since 1970; null for other nodes.',
      },
      host: { type: 'string' },
      port: { ...integer, description: 'Port for clients.' },
      controllerPort: integer,
      zookeeperPort: integer,
      since: { ...integer, description: 'When the node entered its state, in milliseconds since 1970.' },
      sessionAgeMs: {
        ...nullableInteger,
        description: 'Time since the last heartbeat that the active controller received; null while unknown.',
      },
      sessionTimeoutMs: integer,
      memoryBytes: nullableInteger,
      inBytes: integer,
      outBytes: integer,
    },
  },
  FaultSpec: faultJsonSchema(),
  Fault: {
    type: 'object',
    required: ['id', 'fault', 'since', 'eventId', 'detail'],
    properties: {
      id: { ...integer, description: 'Increases by one with every fault.' },
      fault: { $ref: '#/components/schemas/FaultSpec' },
      since: { ...integer, description: 'Milliseconds since 1970.' },
      eventId: { ...integer, description: 'Id of the timeline event of the fault.' },
      detail: { type: ['string', 'null'], description: 'Details of the effect, if any.' },
    },
  },
  HealFailure: {
    type: 'object',
    required: ['id', 'error'],
    properties: {
      id: { ...integer, description: 'Id of the fault; 0 for a node that failed by itself.' },
      error: { type: 'string' },
    },
  },
  TimelineEvent: {
    type: 'object',
    required: ['id', 'type', 'at', 'node'],
    properties: {
      id: { ...integer, description: 'Increases by one with every event.' },
      type: { type: 'string', description: 'Subject and past tense: cluster/brokerFenced, partition/leadersElected.' },
      at: { ...integer, description: 'Milliseconds since 1970.' },
      node: { ...nullableInteger, description: 'Id of the node that reported the event; null for actions on the cluster from outside.' },
      broker: integer,
      topic: { type: 'string' },
      partitions: { type: 'array', items: integer },
      group: { type: 'string' },
      count: integer,
      reason: { type: 'string' },
      causeId: { ...integer, description: 'Id of the event that caused this one.' },
      causeIsPossible: { type: 'boolean', description: 'True when the timeline does not prove the cause.' },
      details: { type: 'object' },
    },
  },
  Scenario: embedScenarioSchema(),
  ScenarioRequest: {
    oneOf: [
      { $ref: '#/components/schemas/Scenario' },
      {
        type: 'object',
        required: ['library'],
        additionalProperties: false,
        properties: { library: { type: 'string', description: 'Name of a scenario of the library.' } },
      },
    ],
  },
  ScenarioSummary: {
    type: 'object',
    required: ['name', 'title', 'about', 'brokers', 'steps', 'expectations'],
    properties: {
      name: { type: 'string' },
      title: { type: 'string' },
      about: { type: 'string', description: 'What the scenario shows.' },
      brokers: { ...integer, description: 'Number of brokers that the scenario needs.' },
      steps: integer,
      expectations: integer,
    },
  },
  ScenarioReport: {
    type: 'object',
    required: [
      'id',
      'scenario',
      'state',
      'startedAt',
      'endedAt',
      'brokers',
      'steps',
      'expectations',
      'loads',
      'notices',
      'problem',
      'events',
    ],
    properties: {
      id: integer,
      scenario: { $ref: '#/components/schemas/ScenarioSummary' },
      state: {
        type: 'string',
        enum: ['held', 'failed', 'cancelled', 'broken'],
        description: 'held: every expectation held. broken: the run was not completed, for the reason in problem.',
      },
      startedAt: { ...integer, description: 'Milliseconds since 1970.' },
      endedAt: nullableInteger,
      stepsAt: { ...nullableInteger, description: 'When the steps began; times in steps and expectations are relative to it.' },
      brokers: { type: 'array', items: integer },
      renamed: {
        type: 'object',
        description: 'Names that topics and loads have in this run, by the names in the scenario that were already in use.',
      },
      steps: {
        type: 'array',
        items: {
          type: 'object',
          properties: {
            name: { type: ['string', 'null'] },
            say: { type: 'string' },
            when: { type: 'string' },
            state: { type: 'string', enum: ['waiting', 'awaited', 'running', 'done', 'failed', 'skipped'] },
            beganMs: nullableInteger,
            endedMs: nullableInteger,
            actions: {
              type: 'array',
              items: { type: 'object', properties: { text: { type: 'string' }, atMs: integer, error: { type: ['string', 'null'] } } },
            },
            error: { type: ['string', 'null'] },
          },
        },
      },
      expectations: {
        type: 'array',
        items: {
          type: 'object',
          required: ['text', 'verdict', 'measured', 'figure'],
          properties: {
            text: { type: 'string' },
            verdict: { type: 'string', enum: ['held', 'failed', 'undecided'] },
            measured: { type: ['string', 'null'] },
            figure: { type: ['number', 'null'], description: 'Elapsed milliseconds, or a count.' },
            decidedMs: nullableInteger,
          },
        },
      },
      loads: {
        type: 'array',
        items: { type: 'object', description: 'Counters of each load; of a producer with the audit of its records.' },
      },
      notices: { type: 'array', items: { type: 'string' } },
      problem: { type: ['string', 'null'] },
      version: { type: 'string' },
      events: { type: 'array', items: { $ref: '#/components/schemas/TimelineEvent' } },
    },
  },
  Error: {
    type: 'object',
    required: ['error'],
    properties: {
      error: {
        type: 'object',
        required: ['code', 'message'],
        properties: { code: { type: 'string' }, message: { type: 'string' } },
      },
    },
  },
};

function embedScenarioSchema(): Record<string, unknown> {
  const schema = scenarioJsonSchema();
  delete schema['$schema'];
  return schema;
}

const ERRORS: Readonly<Record<number, string>> = {
  400: 'A parameter or the body is not valid.',
  413: 'The body is too large.',
  401: 'The bearer token is missing or wrong.',
  404: 'The node, replica, fault or scenario does not exist.',
  409: 'The state of the node does not allow the action, the action failed, or a scenario is already running.',
};

export function openApi(routes: readonly Route[], url: string): unknown {
  const paths = new Map<string, Map<string, unknown>>();
  for (const route of routes) {
    const methods = paths.get(route.path) ?? new Map<string, unknown>();
    paths.set(route.path, methods.set(route.method.toLowerCase(), operation(route)));
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Brokerdesk lab',
      version: '1',
      description: 'Injects faults into a real Kafka cluster and reports their effects. Every call returns when the action is complete.',
    },
    servers: [{ url }],
    security: [{ token: [] }],
    paths: Object.fromEntries([...paths].map(([path, methods]) => [path, Object.fromEntries(methods)])),
    components: { schemas: SCHEMAS, securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
  };
}

function operation(route: Route): unknown {
  const parameters = [
    ...(route.path.includes('{id}') ? [{ name: 'id', in: 'path', required: true, schema: integer }] : []),
    ...(route.query ?? []).map(({ name, description }) => ({ name, in: 'query', description, schema: integer })),
  ];
  const requestBody =
    route.body === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            content: {
              'application/json': { schema: { $ref: `#/components/schemas/${route.body}` } },
              ...(route.yaml === undefined ? {} : { 'application/yaml': { schema: { type: 'string' } } }),
            },
          },
        };
  const responses = new Map<string, unknown>();
  if (route.answer === undefined) responses.set('204', { description: 'Done.' });
  else {
    const one = { $ref: `#/components/schemas/${route.answer.schema}` };
    const content: Record<string, unknown> = {
      'application/json': { schema: route.answer.array === true ? { type: 'array', items: one } : one },
    };
    if (route.events === true) content['text/event-stream'] = { schema: { type: 'string' } };
    responses.set('200', { description: 'Done.', content });
  }
  for (const status of [401, ...(route.body === undefined ? [] : [413]), ...route.errors]) {
    responses.set(String(status), {
      description: ERRORS[status],
      content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
    });
  }
  return {
    operationId: route.operationId,
    summary: route.summary,
    ...(parameters.length === 0 ? {} : { parameters }),
    ...requestBody,
    responses: Object.fromEntries(responses),
  };
}
