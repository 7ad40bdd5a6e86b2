/** The app on a fixture cluster: `?variant=healthy|broken|empty|huge|remote`. For screenshots and for looking; never shipped. */
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
  bridge.cluster.tell({ type, at, node: 2, ...about, ...(i % 5 > 0 ? { causeId: bridge.cluster.events.length } : {}) });
}
if (query.get('frozen') === null) bridge.run();
createBrokerdesk(bridge).mount('#app');
