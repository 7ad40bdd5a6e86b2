import { request } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { startControlServer, type ControlServer } from '../../electron/control/server.ts';
import { FakeLoads } from '../helpers/fake-loads.ts';
import { ROUTES } from '../../electron/control/routes.ts';
import { ScenariosService } from '../../electron/scenarios/service.ts';
import { ServiceError } from '../../electron/services/errors.ts';
import type { Lab, LabNode } from '../../electron/services/lab.ts';
import type { Fault, FaultSpec } from '../../shared/models/lab.ts';
import type { TimelineEvent } from '../../shared/models/timeline.ts';

class FakeLab implements Lab {
  readonly events: TimelineEvent[] = [];
  readonly listeners = new Set<(event: TimelineEvent) => void>();
  readonly states = new Map<number, LabNode['state']>([
    [1, 'running'],
    [2, 'running'],
  ]);

  async nodes(): Promise<LabNode[]> {
    return [...this.states].map(([id, state]) => ({
      id,
      state,
      reason: null,
      leadsSince: null,
      role: id === 1 ? 'leader' : 'follower',
      host: '127.0.0.1',
      port: 9091 + id,
      controllerPort: 9191 + id,
      zookeeperPort: 2180 + id,
      since: 0,
      sessionAgeMs: 10,
      sessionTimeoutMs: 3000,
      memoryBytes: 1,
      inBytes: 0,
      outBytes: 0,
    }));
  }
  stop = (node: number): Promise<void> => this.to(node, 'stopped');
  kill = (node: number): Promise<void> => this.to(node, 'killed');
  start = (node: number): Promise<void> => this.to(node, 'running');
  thaw = (node: number): Promise<void> => this.to(node, 'running');
  readonly inForce: Fault[] = [];
  async inject(fault: FaultSpec): Promise<Fault> {
    if ('node' in fault && !this.states.has(fault.node)) throw new ServiceError({ code: 'NOT_FOUND', message: 'There is no such broker.' });
    if (fault.type === 'freeze' || fault.type === 'powerCut') await this.to(fault.node, fault.type === 'freeze' ? 'frozen' : 'killed');
    const one = { id: this.inForce.length + 1, fault, since: 0, eventId: 1, detail: null };
    this.inForce.push(one);
    return one;
  }
  async heal(id: number): Promise<void> {
    const at = this.inForce.findIndex((one) => one.id === id);
    if (at < 0) throw new ServiceError({ code: 'NOT_FOUND', message: 'There is no such fault.' });
    this.inForce.splice(at, 1);
  }
  async healAll(): Promise<{ id: number; error: string }[]> {
    this.inForce.length = 0;
    return [{ id: 0, error: 'broker 2 could not start' }];
  }
  faults = (): readonly Fault[] => this.inForce;
  onFaults = (): (() => void) => () => undefined;
  addNode = (): Promise<never> => this.unused();
  removeNode = (): Promise<never> => this.unused();
  znode = (): Promise<never> => this.unused();
  timeline(sinceId: number): TimelineEvent[] {
    return this.events.filter(({ id }) => id > sinceId);
  }
  onEvent(listener: (event: TimelineEvent) => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }
  happen(type: TimelineEvent['type']): void {
    const event: TimelineEvent = { id: this.events.length + 1, type, at: 0, node: null };
    this.events.push(event);
    for (const listener of this.listeners) listener(event);
  }

  private unused(): Promise<never> {
    return Promise.reject(new Error('not used by any route'));
  }

  private async to(node: number, state: LabNode['state']): Promise<void> {
    if (!this.states.has(node)) throw new ServiceError({ code: 'NOT_FOUND', message: `There is no broker ${node}.` });
    if (this.states.get(node) === state) throw new ServiceError({ code: 'WRONG_STATE', message: `Broker ${node} is ${state}.` });
    await new Promise((resolve) => setTimeout(resolve, 5));
    this.states.set(node, state);
  }
}

const SMALL = `name: small
title: A small one
about: For a test.
cluster: { brokers: 2 }
steps:
  - say: Nothing is done.
expect:
  - { events: node/failed, atMost: 0 }
`;

type Call = Omit<RequestInit, 'headers'> & { headers?: Record<string, string> };

let server: ControlServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

async function started(): Promise<{
  lab: FakeLab;
  errors: unknown[];
  call: (path: string, init?: Call) => Promise<Response>;
  url: string;
}> {
  const lab = new FakeLab();
  const errors: unknown[] = [];
  const loads = new FakeLoads();
  const scenarios = new ScenariosService({
    lab,
    loads,
    bootstrap: () => '127.0.0.1:1',
    version: '0',
    onError: (_what, error) => errors.push(error),
    note: () => undefined,
  });
  const one = await startControlServer({ lab, scenarios, port: 0, onError: (error) => errors.push(error) });
  server = one;
  const call = (path: string, { headers, ...init }: Call = {}): Promise<Response> =>
    fetch(one.url + path, { ...init, headers: { authorization: `Bearer ${one.token}`, ...headers } });
  return { lab, errors, call, url: one.url };
}

describe('scenarios', () => {
  it('lists the library', async () => {
    const { call } = await started();
    const list = (await (await call('/scenarios')).json()) as { name: string; about: string }[];
    expect(list.length).toBeGreaterThanOrEqual(12);
    expect(list[0]).toMatchObject({ name: 'leader-killed', brokers: 3 });
  });

  it('returns the report of a scenario that cannot be run', async () => {
    const { call } = await started();
    const response = await call('/scenarios', { method: 'POST', body: JSON.stringify({ library: 'leader-killed' }) });
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({
      state: 'broken',
      problem: 'The scenario needs 3 brokers, and 2 are running.',
      expectations: expect.any(Array) as unknown[],
    });
  });

  it.each([
    ['an unknown name', JSON.stringify({ library: 'nonsense' }), 'application/json', 404, 'The library has no scenario nonsense.'],
    ['JSON that is not a scenario', JSON.stringify({ name: 'x' }), 'application/json', 400, 'title: Required.'],
    [
      'invalid YAML with its line',
      SMALL.replace('say: Nothing', 'says: Nothing'),
      'application/yaml',
      400,
      'line 6, column 5: steps[0].say: Required.',
    ],
    ['text that is not JSON', SMALL, 'application/json', 400, 'The body is not JSON'],
  ])('refuses %s', async (_what, body, type, status, message) => {
    const { call } = await started();
    const response = await call('/scenarios', { method: 'POST', body, headers: { 'content-type': type } });
    expect(response.status).toBe(status);
    expect(((await response.json()) as { error: { message: string } }).error.message).toContain(message);
  });

  it('accepts scenarios above the limit of other bodies, up to a limit', async () => {
    const { call } = await started();
    const long = (bytes: number): Promise<Response> =>
      call('/scenarios', { method: 'POST', body: `${SMALL}# ${'x'.repeat(bytes)}`, headers: { 'content-type': 'text/yaml' } });
    expect((await long(200_000)).status).toBe(200);
    expect((await long(1_100_000)).status).toBe(413);
  });

  it('answers 204 to a cancel without a run', async () => {
    const { call } = await started();
    expect((await call('/scenarios/current', { method: 'DELETE' })).status).toBe(204);
  });
});

describe('control API', () => {
  it('lists nodes and shows one', async () => {
    const { call } = await started();
    const nodes = (await (await call('/nodes')).json()) as LabNode[];
    expect(nodes.map(({ id }) => id)).toEqual([1, 2]);
    expect(await (await call('/nodes/2')).json()).toMatchObject({ id: 2, role: 'follower', port: 9093 });
  });

  it.each([
    ['stop', 'stopped'],
    ['kill', 'killed'],
  ])('answers %s with the node when the action is complete', async (verb, state) => {
    const { call } = await started();
    const response = await call(`/nodes/2/${verb}`, { method: 'POST' });
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ id: 2, state });
    expect(await (await call('/nodes/2/start', { method: 'POST' })).json()).toMatchObject({ state: 'running' });
  });

  it.each([
    ['freeze', 'frozen'],
    ['power-cut', 'killed'],
  ])('answers %s when the action is complete, and lists the fault', async (verb, state) => {
    const { call } = await started();
    expect(await (await call(`/nodes/1/${verb}`, { method: 'POST' })).json()).toMatchObject({ id: 1, state });
    expect(await (await call('/faults')).json()).toMatchObject([{ id: 1, fault: { node: 1 } }]);
  });

  it('injects a fault with defaults, lists it, heals it', async () => {
    const { call } = await started();
    const body = JSON.stringify({ type: 'slowLink', between: [1, 'clients'], latencyMs: 50 });
    const response = await call('/faults', { method: 'POST', body });
    expect(response.status).toBe(200);
    const fault = { type: 'slowLink', between: [1, 'clients'], direction: 'both', latencyMs: 50, jitterMs: 0, bytesPerSecond: 0 };
    expect(await response.json()).toMatchObject({ id: 1, fault });
    expect(await (await call('/faults')).json()).toMatchObject([{ id: 1, fault }]);
    const healed = await call('/faults/1', { method: 'DELETE' });
    expect([healed.status, await healed.text()]).toEqual([204, '']);
    expect((await call('/faults/1', { method: 'DELETE' })).status).toBe(404);
    expect(await (await call('/faults')).json()).toEqual([]);
    expect(await (await call('/faults', { method: 'DELETE' })).json()).toEqual([{ id: 0, error: 'broker 2 could not start' }]);
  });

  it.each([
    ['no JSON', '{', 400, 'JSON'],
    ['nothing', '', 400, 'JSON'],
    ['no fault', '{"type":"earthquake"}', 400, 'type'],
    ['a fault without a node', '{"type":"kill"}', 400, 'node'],
    ['a link with one end', '{"type":"partition","between":[1,1]}', 400, 'two different ends'],
    ['an unknown node', '{"type":"fullDisk","node":7}', 404, 'no such broker'],
    ['a body above the limit', `{"type":"${'x'.repeat(100_000)}"}`, 413, 'bytes'],
  ])('refuses %s as a fault with the reason', async (_what, body, status, reason) => {
    const { call, errors } = await started();
    const response = await call('/faults', { method: 'POST', body });
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ error: { message: expect.stringContaining(reason) } });
    expect(errors).toEqual([]);
  });

  it.each([
    ['GET', '/nodes/9', 404, 'NOT_FOUND'],
    ['POST', '/nodes/9/kill', 404, 'NOT_FOUND'],
    ['POST', '/nodes/1/start', 409, 'WRONG_STATE'],
    ['GET', '/nodes/1/kill', 405, 'METHOD_NOT_ALLOWED'],
    ['DELETE', '/nodes', 405, 'METHOD_NOT_ALLOWED'],
    ['PUT', '/faults', 405, 'METHOD_NOT_ALLOWED'],
    ['DELETE', '/faults/3', 404, 'NOT_FOUND'],
    ['GET', '/nope', 404, 'NOT_FOUND'],
    ['GET', '/nodes/one', 404, 'NOT_FOUND'],
    ['GET', '/timeline?since=x', 400, 'INVALID_PARAMETER'],
  ])('%s %s is refused with %i', async (method, path, status, code) => {
    const { call, errors } = await started();
    const response = await call(path, { method });
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ error: { code, message: expect.any(String) } });
    if (status === 405) expect(response.headers.get('allow')).toMatch(/GET|POST/);
    expect(errors).toEqual([]);
  });

  it('requires the whole token', async () => {
    const { call, url } = await started();
    for (const headers of [{}, { authorization: 'Bearer wrong' }, { authorization: '' }]) {
      const response = await fetch(`${url}/nodes`, { headers });
      expect(response.status).toBe(401);
      expect(await response.json()).toMatchObject({ error: { code: 'UNAUTHORIZED' } });
    }
    expect((await call('/nodes')).status).toBe(200);
  });

  it('is served under loopback names only', async () => {
    const { url } = await started();
    const port = new URL(url).port;
    const statusFor = (host: string): Promise<number | undefined> =>
      new Promise((resolve, reject) => {
        request({ host: '127.0.0.1', port, path: '/openapi.json', headers: { host } }, (response) => {
          response.resume();
          resolve(response.statusCode);
        })
          .on('error', reject)
          .end();
      });
    expect(await statusFor(`evil.example:${port}`)).toBe(403);
    expect(await statusFor(`127.0.0.1.evil.example`)).toBe(403);
    expect(await statusFor(`localhost:${port}`)).toBe(200);
  });

  it('has an OpenAPI document of exactly its routes', async () => {
    const { url } = await started();
    const document = (await (await fetch(`${url}/openapi.json`)).json()) as {
      servers: { url: string }[];
      paths: Record<string, Record<string, unknown>>;
      components: { schemas: { Node: { properties: object }; FaultSpec: { oneOf: { properties: { type: { const: string } } }[] } } };
    };
    const described = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method} ${path}`),
    );
    expect(described.sort()).toEqual(ROUTES.map(({ method, path }) => `${method.toLowerCase()} ${path}`).sort());
    expect(document.servers[0]?.url).toBe(url);
    const body = { requestBody: { content: { 'application/json': { schema: { $ref: '#/components/schemas/FaultSpec' } } } } };
    expect(document.paths['/faults']?.['post']).toMatchObject(body);
    const faults = document.components.schemas.FaultSpec.oneOf.map(({ properties }) => properties.type.const);
    expect(faults).toEqual(expect.arrayContaining(['stop', 'powerCut', 'partition', 'slowLink', 'slowDisk', 'corrupt', 'clockSkew']));
    const [node] = await new FakeLab().nodes();
    expect(Object.keys(document.components.schemas.Node.properties).sort()).toEqual(Object.keys(node as object).sort());
  });

  it('returns the timeline after an id', async () => {
    const { lab, call } = await started();
    lab.happen('lab/nodeKilled');
    lab.happen('cluster/brokerFenced');
    expect(((await (await call('/timeline')).json()) as TimelineEvent[]).map(({ id }) => id)).toEqual([1, 2]);
    expect(await (await call('/timeline?since=1')).json()).toEqual([{ id: 2, type: 'cluster/brokerFenced', at: 0, node: null }]);
  });

  it('streams missed timeline events, then new ones, each once', async () => {
    const { lab, call } = await started();
    lab.happen('lab/nodeKilled');
    lab.happen('cluster/brokerFenced');
    const abort = new AbortController();
    const response = await call('/timeline?since=1', { headers: { accept: 'text/event-stream' }, signal: abort.signal });
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    lab.happen('partition/leadersElected');
    let text = '';
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    while ((text.match(/\n\n/g) ?? []).length < 2) text += Buffer.from((await reader.read()).value ?? []).toString();
    expect([...text.matchAll(/^id: (\d+)$/gm)].map((found) => found[1])).toEqual(['2', '3']);
    expect(text).toContain('"type":"partition/leadersElected"');
    abort.abort();
    await reader.closed.catch(() => undefined);
    for (let i = 0; i < 200 && lab.listeners.size > 0; i++) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(lab.listeners.size).toBe(0);
  });

  it('ends open streams when it closes', async () => {
    const { call } = await started();
    const response = await call('/timeline', { headers: { accept: 'text/event-stream' } });
    await server?.close();
    await expect(response.text()).rejects.toThrow();
  });
});
