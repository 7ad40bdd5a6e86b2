/** The app on a fixture cluster: `?variant=healthy|broken|empty|huge|remote`. For screenshots and for looking; never shipped. */
import { createBrokerdesk } from '../../../renderer/app.ts';
import { FixtureBridge } from '../fixtures/fixture-bridge.ts';
import type { Variant } from '../fixtures/fixture-cluster.ts';

const query = new URLSearchParams(location.search);
const bridge = new FixtureBridge((query.get('variant') ?? 'healthy') as Variant, { latencyMs: 20 });
if (query.get('frozen') === null) bridge.run();
createBrokerdesk(bridge).mount('#app');
