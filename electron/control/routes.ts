/** The control API's routes: one table, of which the server serves each line and `/openapi.json` describes each line. */
import type { Lab } from '../services/lab.ts';

export interface Route {
  method: 'GET' | 'POST';
  /** As in OpenAPI: `/nodes/{id}`. */
  path: string;
  operationId: string;
  summary: string;
  /** Query parameters, all of them optional integers. */
  query?: readonly { name: string; description: string }[];
  /** Of the answer's body, by its name among the schemas of `openapi.ts`; absent: 204 without a body. */
  answer?: { schema: string; array?: boolean };
  /** Offers `text/event-stream` as well; the server speaks it. */
  events?: boolean;
  /** Error statuses that are its own, besides 401. */
  errors: readonly (400 | 404 | 409)[];
  handle(lab: Lab, request: { id: number; query: URLSearchParams }): Promise<unknown>;
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

/** The id to go on from; refuses what is no number. */
export function sinceOf(query: URLSearchParams): number {
  const text = query.get('since') ?? '0';
  if (!/^\d{1,15}$/.test(text)) throw new ControlError(400, 'INVALID_PARAMETER', `since is a number, not "${text}"`);
  return Number(text);
}

function nodeAction(verb: 'stop' | 'kill' | 'start', summary: string): Route {
  return {
    method: 'POST',
    path: `/nodes/{id}/${verb}`,
    operationId: `${verb}Node`,
    summary,
    answer: NODE,
    errors: [404, 409],
    async handle(lab, { id }) {
      await lab[verb](id);
      return oneNode(lab, id);
    },
  };
}

async function oneNode(lab: Lab, id: number): Promise<unknown> {
  const node = (await lab.nodes()).find((one) => one.id === id);
  if (node === undefined) throw new ControlError(404, 'NOT_FOUND', `There is no broker ${id}.`);
  return node;
}
