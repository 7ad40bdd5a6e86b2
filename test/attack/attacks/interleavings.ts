/** Calls of the control API in any order and at once; afterwards all faults are healed and every node has to run. */
import type { Random } from '../../../electron/cluster/lib/random.ts';
import type { Attack, AttackContext } from '../attack.ts';
import { pause } from '../../../shared/waiting.ts';

const CALL_MS = 60_000;
const HEALED_MS = 60_000;

interface ListedNode {
  id: number;
  state: string;
}

export const interleavings: Attack = {
  name: 'interleavings',
  summary:
    'control calls in seeded order, four at a time: nodes killed, started, frozen, added and removed while faults are set and healed',
  disruptive: true,
  async run(context) {
    const { random, target } = context;
    let calls = 0;
    let added = 0;
    const lane = async (): Promise<void> => {
      while (!context.over()) {
        const [method, path, body] = anyCall(random, added < 2);
        if (path === '/nodes') added++;
        const { status, text } = await target.control(method, path, body, CALL_MS);
        if (status >= 500 && !text.includes('"code"'))
          throw new Error(`${method} ${path} ${body ?? ''}: status ${status}: ${text.slice(0, 300)}`);
        calls++;
        await pause(random.int(60));
      }
    };
    await Promise.all([lane(), lane(), lane(), lane()]);
    await healed(context);
    return `${calls} calls`;
  },
};

function anyCall(random: Random, mayAdd: boolean): [method: string, path: string, body?: string] {
  const id = 1 + random.int(4);
  const other = 1 + (id % 3);
  const verbs = ['kill', 'start', 'stop', 'freeze', 'thaw', 'power-cut'];
  const faults = [
    { type: 'partition', between: [id, other] },
    { type: 'slowLink', between: [id, 'clients'], latencyMs: 20 },
    { type: 'slowDisk', node: id, latencyMs: 5 },
    { type: 'freeze', node: id },
    { type: 'kill', node: id },
    { type: 'clockSkew', node: id, offsetMs: 1_000 },
  ];
  const roll = random.int(20);
  if (roll < 9) return ['POST', `/nodes/${id}/${verbs[random.int(verbs.length)] ?? 'start'}`];
  if (roll < 14) return ['POST', '/faults', JSON.stringify(faults[random.int(faults.length)])];
  if (roll < 17) return ['DELETE', '/faults'];
  if (roll === 17) return ['DELETE', `/faults/${1 + random.int(8)}`];
  if (roll === 18 && mayAdd) return ['POST', '/nodes', '{}'];
  return ['GET', '/timeline'];
}

/** Heals everything until every node runs and no fault is left. */
async function healed({ target }: AttackContext): Promise<void> {
  const until = performance.now() + HEALED_MS;
  for (;;) {
    await target.control('DELETE', '/faults', undefined, CALL_MS);
    const nodes = JSON.parse((await target.control('GET', '/nodes', undefined, CALL_MS)).text) as ListedNode[];
    for (const { id, state } of nodes)
      if (['stopped', 'killed', 'failed'].includes(state)) await target.control('POST', `/nodes/${id}/start`, undefined, CALL_MS);
    const faults = JSON.parse((await target.control('GET', '/faults', undefined, CALL_MS)).text) as unknown[];
    if (faults.length === 0 && nodes.every(({ state }) => state === 'running')) return;
    if (performance.now() > until) {
      const states = nodes.map(({ id, state }) => `${id} ${state}`).join(', ');
      throw new Error(`Not healed after ${HEALED_MS} ms: nodes ${states}; ${faults.length} faults.`);
    }
    await pause(500);
  }
}
