/** The control API's routes: one table, of which the server serves each line and `/openapi.json` describes each line. */
import { parseFault } from '#shared/fault-schema';
import type { FaultSpec } from '#shared/models/lab';
import type { ScenariosService, ScenarioSource } from '../scenarios/service.ts';
import type { Lab } from '../services/lab.ts';

export interface Route {
  method: 'GET' | 'POST' | 'DELETE';
  /** As in OpenAPI: `/nodes/{id}`. */
  path: string;
  operationId: string;
  summary: string;
  /** Query parameters, all of them optional integers. */
  query?: readonly { name: string; description: string }[];
  /** Of the request's body, by its name among the schemas of `openapi.ts`; absent: a body is not looked at. */
  body?: string;
  /** Takes YAML beside JSON; more bytes of it than of another body. */
  yaml?: { maxBytes: number };
  /** Of the answer's body, by its name among the schemas of `openapi.ts`; absent: 204 without a body. */
  answer?: { schema: string; array?: boolean };
  /** Offers `text/event-stream` as well; the server speaks it. */
  events?: boolean;
  /** Error statuses that are its own, besides 401. */
  errors: readonly (400 | 404 | 409)[];
  /** What it answers with, undefined where `answer` is absent. `body`: as JSON.parse gave it, or the text of a YAML one. */
  handle(lab: Lab, request: ControlRequest): Promise<unknown>;
}

export interface ControlRequest {
  id: number;
  query: URLSearchParams;
  body: unknown;
  scenarios: ScenariosService;
}

/** A request that is refused with that status. */
export class ControlError extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.name = 'ControlError';
    this.status = status;
    this.code = code;
  }
}

const NODE = { schema: 'Node' };

export const ROUTES: readonly Route[] = [
  {
    method: 'GET',
    path: '/nodes',
    operationId: 'listNodes',
    summary: 'Every node: its state, its part in the metadata quorum, its ports, the age of its session at the controller.',
    answer: { schema: 'Node', array: true },
    errors: [],
    handle: (lab) => lab.nodes(),
  },
  {
    method: 'GET',
    path: '/nodes/{id}',
    operationId: 'getNode',
    summary: 'One node.',
    answer: NODE,
    errors: [404],
    handle: (lab, { id }) => oneNode(lab, id),
  },
  nodeAction('stop', 'Stops a node by a controlled shutdown: its leaderships move first. Answers when the node has ended.'),
  nodeAction('kill', 'Ends a node mid-instruction. Answers when it is gone; the others notice when its session runs out.'),
  nodeAction('start', 'Starts a node that does not run. Answers when it serves clients again.'),
  nodeAction('power-cut', 'Ends a node mid-instruction, and what it had not flushed to disk is lost.'),
  nodeAction('freeze', "Blocks a node's thread; the kernel goes on accepting connections for it."),
  nodeAction('thaw', 'Lets a frozen node get on.'),
  {
    method: 'POST',
    path: '/nodes',
    operationId: 'addNode',
    summary: 'Starts a broker more, with the lowest free id. Answers when it serves clients.',
    answer: NODE,
    errors: [409],
    handle: async (lab) => oneNode(lab, await lab.addNode()),
  },
  {
    method: 'DELETE',
    path: '/nodes/{id}',
    operationId: 'removeNode',
    summary: "Moves a broker's partitions to the others, stops it, unregisters it and deletes its data.",
    errors: [404, 409],
    handle: (lab, { id }) => lab.removeNode(id),
  },
  {
    method: 'GET',
    path: '/faults',
    operationId: 'listFaults',
    summary: 'The faults in force, the oldest first.',
    answer: { schema: 'Fault', array: true },
    errors: [],
    handle: (lab) => Promise.resolve(lab.faults()),
  },
  {
    method: 'POST',
    path: '/faults',
    operationId: 'injectFault',
    summary: 'Injects a fault; faults combine. Answers when it is in force.',
    body: 'FaultSpec',
    answer: { schema: 'Fault' },
    errors: [400, 404, 409],
    handle: (lab, { body }) => lab.inject(faultOf(body)),
  },
  {
    method: 'DELETE',
    path: '/faults',
    operationId: 'healAll',
    summary: 'Ends every fault and starts every node that is down. Answers when that is done, with what could not be.',
    answer: { schema: 'HealFailure', array: true },
    errors: [],
    handle: (lab) => lab.healAll(),
  },
  {
    method: 'DELETE',
    path: '/faults/{id}',
    operationId: 'healFault',
    summary: 'Ends one fault. Of a node that is down: starts it, and answers when it serves clients again.',
    errors: [404, 409],
    handle: (lab, { id }) => lab.heal(id),
  },
  {
    method: 'GET',
    path: '/scenarios',
    operationId: 'listScenarios',
    summary: 'The library of outage scenarios.',
    answer: { schema: 'ScenarioSummary', array: true },
    errors: [],
    handle: (_lab, { scenarios }) => Promise.resolve(scenarios.list()),
  },
  {
    method: 'POST',
    path: '/scenarios',
    operationId: 'runScenario',
    summary:
      'Runs a scenario on this cluster: one that is sent, or one of the library. Answers with its report when it has ended, which may take minutes.',
    body: 'ScenarioRequest',
    yaml: { maxBytes: 1024 * 1024 },
    answer: { schema: 'ScenarioReport' },
    errors: [400, 404, 409],
    handle: (_lab, { scenarios, body }) => scenarios.run(sourceOf(body)),
  },
  {
    method: 'DELETE',
    path: '/scenarios/current',
    operationId: 'cancelScenario',
    summary: 'Cancels the scenario that runs. Answers when what it began has ended; does nothing when none runs.',
    errors: [],
    handle: (_lab, { scenarios }) => scenarios.cancel(),
  },
  {
    method: 'GET',
    path: '/timeline',
    operationId: 'getTimeline',
    summary: 'What happened, oldest first, with causes. As text/event-stream it goes on until the client leaves.',
    query: [{ name: 'since', description: 'Only events with an id above this one.' }],
    answer: { schema: 'TimelineEvent', array: true },
    events: true,
    errors: [400],
    handle: (lab, { query }) => Promise.resolve(lab.timeline(sinceOf(query))),
  },
];

/** A scenario: one of the library by name, else the whole of it. */
function sourceOf(body: unknown): ScenarioSource {
  if (typeof body === 'string') return { text: body };
  if (typeof body === 'object' && body !== null && 'library' in body && typeof body.library === 'string') return { library: body.library };
  return { value: body };
}

/** The id to go on from; refuses what is no number. */
export function sinceOf(query: URLSearchParams): number {
  const text = query.get('since') ?? '0';
  if (!/^\d{1,15}$/.test(text)) throw new ControlError(400, 'INVALID_PARAMETER', `since is a number, not "${text}"`);
  return Number(text);
}

const ACTIONS = {
  stop: (lab: Lab, node: number): Promise<unknown> => lab.stop(node),
  kill: (lab: Lab, node: number): Promise<unknown> => lab.kill(node),
  start: (lab: Lab, node: number): Promise<unknown> => lab.start(node),
  thaw: (lab: Lab, node: number): Promise<unknown> => lab.thaw(node),
  freeze: (lab: Lab, node: number): Promise<unknown> => lab.inject({ type: 'freeze', node }),
  'power-cut': (lab: Lab, node: number): Promise<unknown> => lab.inject({ type: 'powerCut', node }),
} as const;

function nodeAction(verb: keyof typeof ACTIONS, summary: string): Route {
  return {
    method: 'POST',
    path: `/nodes/{id}/${verb}`,
    operationId: `${verb === 'power-cut' ? 'powerCut' : verb}Node`,
    summary,
    answer: NODE,
    errors: [404, 409],
    async handle(lab, { id }) {
      await ACTIONS[verb](lab, id);
      return oneNode(lab, id);
    },
  };
}

async function oneNode(lab: Lab, id: number): Promise<unknown> {
  const node = (await lab.nodes()).find((one) => one.id === id);
  if (node === undefined) throw new ControlError(404, 'NOT_FOUND', `There is no broker ${id}.`);
  return node;
}

/** The fault that the body asks for; refuses anything else, naming the field. */
function faultOf(body: unknown): FaultSpec {
  const parsed = parseFault(body);
  if ('problem' in parsed) throw new ControlError(400, 'INVALID_PAYLOAD', `That is no fault. ${parsed.problem}`);
  return parsed.fault;
}
