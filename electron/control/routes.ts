/** The routes of the control API. The server and `/openapi.json` use the same table. */
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
  /** Schema of the request's body, by its name in `openapi.ts`; absent: a body is ignored. */
  body?: string;
  /** The route accepts YAML besides JSON, with this limit instead of the limit of other bodies. */
  yaml?: { maxBytes: number };
  /** Schema of the response's body, by its name in `openapi.ts`; absent: 204 without a body. */
  answer?: { schema: string; array?: boolean };
  /** The route also offers `text/event-stream`. */
  events?: boolean;
  /** Error statuses of the route, besides 401. */
  errors: readonly (400 | 404 | 409)[];
  /** Resolves to the response; undefined where `answer` is absent. `body`: a parsed JSON value, or the text of YAML. */
  handle(lab: Lab, request: ControlRequest): Promise<unknown>;
}

export interface ControlRequest {
  id: number;
  query: URLSearchParams;
  body: unknown;
  scenarios: ScenariosService;
}

/** Rejects a request with a status. */
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
    summary: 'Every node: state, role in the metadata quorum, ports, and age of its session at the controller.',
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
  nodeAction('stop', 'Stops a node by a controlled shutdown, which moves leadership first. Returns when the node has stopped.'),
  nodeAction('kill', 'Crashes a node (SIGKILL). Returns when the node has ended; the controller fences it when its session expires.'),
  nodeAction('start', 'Starts a node that is down. Returns when the node serves clients.'),
  nodeAction('power-cut', 'Crashes a node, and discards data that it had not flushed to disk.'),
  nodeAction('freeze', "Blocks a node's thread; the kernel still accepts connections for the node."),
  nodeAction('thaw', 'Resumes a frozen node.'),
  {
    method: 'POST',
    path: '/nodes',
    operationId: 'addNode',
    summary: 'Adds a broker with the lowest free id. Returns when the broker serves clients.',
    answer: NODE,
    errors: [409],
    handle: async (lab) => oneNode(lab, await lab.addNode()),
  },
  {
    method: 'DELETE',
    path: '/nodes/{id}',
    operationId: 'removeNode',
    summary: "Moves a broker's partitions to other brokers, stops and unregisters the broker, and deletes its data.",
    errors: [404, 409],
    handle: (lab, { id }) => lab.removeNode(id),
  },
  {
    method: 'GET',
    path: '/faults',
    operationId: 'listFaults',
    summary: 'The faults in force, oldest first.',
    answer: { schema: 'Fault', array: true },
    errors: [],
    handle: (lab) => Promise.resolve(lab.faults()),
  },
  {
    method: 'POST',
    path: '/faults',
    operationId: 'injectFault',
    summary: 'Injects a fault; faults combine. Returns when the fault is in force.',
    body: 'FaultSpec',
    answer: { schema: 'Fault' },
    errors: [400, 404, 409],
    handle: (lab, { body }) => lab.inject(faultOf(body)),
  },
  {
    method: 'DELETE',
    path: '/faults',
    operationId: 'healAll',
    summary: 'Heals every fault and starts every node that is down. Returns the failures.',
    answer: { schema: 'HealFailure', array: true },
    errors: [],
    handle: (lab) => lab.healAll(),
  },
  {
    method: 'DELETE',
    path: '/faults/{id}',
    operationId: 'healFault',
    summary: 'Heals one fault. If its node is down, starts the node and returns when it serves clients.',
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
      'Runs a scenario on this cluster: one in the body, or one of the library. Returns the report at the end of the run, which may take minutes.',
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
    summary: 'Cancels the running scenario. Returns when the run has cleaned up; does nothing without a run.',
    errors: [],
    handle: (_lab, { scenarios }) => scenarios.cancel(),
  },
  {
    method: 'GET',
    path: '/timeline',
    operationId: 'getTimeline',
    summary: 'Timeline events with causes, oldest first. A text/event-stream continues until the client disconnects.',
    query: [{ name: 'since', description: 'Only events with an id above this one.' }],
    answer: { schema: 'TimelineEvent', array: true },
    events: true,
    errors: [400],
    handle: (lab, { query }) => Promise.resolve(lab.timeline(sinceOf(query))),
  },
];

/** The requested scenario: the name of one of the library, or a whole scenario. */
function sourceOf(body: unknown): ScenarioSource {
  if (typeof body === 'string') return { text: body };
  if (typeof body === 'object' && body !== null && 'library' in body && typeof body.library === 'string') return { library: body.library };
  return { value: body };
}

/** The id to continue after. Throws `ControlError` for a value that is not a number. */
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

/** Parses the fault in the body. Throws `ControlError` with the field that is not valid. */
function faultOf(body: unknown): FaultSpec {
  const parsed = parseFault(body);
  if ('problem' in parsed) throw new ControlError(400, 'INVALID_PAYLOAD', `The fault is not valid. ${parsed.problem}`);
  return parsed.fault;
}
