/** The app on a fixture cluster: `?variant=healthy|broken|empty|huge|remote`. For screenshots and for looking; never shipped. */
import { recordOf } from '#shared/incidents/record';
import { deriveIncidents } from '#shared/incidents/reducer';
import { createBrokerdesk } from '../../../renderer/app.ts';
import { FixtureBridge } from '../fixtures/fixture-bridge.ts';
import type { Variant } from '../fixtures/fixture-cluster.ts';

const query = new URLSearchParams(location.search);
const bridge = new FixtureBridge((query.get('variant') ?? 'healthy') as Variant, { latencyMs: 20 });
// A long record, for measuring: as many events as asked for, of all lanes, over the last ten minutes.
const many = Number(query.get('events') ?? 0);
for (let i = 0; i < many; i += 1) {
  const at = Date.now() - 600_000 + (i * 600_000) / many;
  const type =
    (['lab/nodeFrozen', 'cluster/brokerFenced', 'lab/nodeThawed', 'group/rebalanceStarted', 'group/rebalanced'] as const)[i % 5] ??
    'node/ready';
  const about = i % 5 < 3 ? { broker: 1 + (Math.floor(i / 5) % 3) } : { group: 'billing' };
  bridge.cluster.recordEvent({ type, at, node: 2, ...about, ...(i % 5 > 0 ? { causeId: bridge.cluster.events.length } : {}) });
}
// Incidents of earlier runs, one of them open when its run ended.
const [example] = deriveIncidents([{ id: 1, type: 'lab/nodeKilled', at: 0, node: null, broker: 2 }]);
if (example !== undefined && query.get('variant') !== 'empty') {
  for (const [hours, phases] of [
    [50, { detectedAt: 3_000, failedOverAt: 3_100, recoveredAt: 61_000, closedAt: 61_000 }],
    [20, { detectedAt: 2_900, failedOverAt: 3_000, unobservedAfter: 400_000 }],
  ] as const) {
    const startedAt = Date.now() - hours * 3_600_000;
    const times = Object.fromEntries(Object.entries(phases).map(([name, ms]) => [name, startedAt + ms]));
    bridge.storedIncidents.push({
      ...recordOf({ ...example, startedAt, root: { ...example.root, at: startedAt } }, 'earlier', 0),
      ...times,
    });
  }
}
if (query.get('frozen') === null) bridge.run();
createBrokerdesk(bridge).mount('#app');
