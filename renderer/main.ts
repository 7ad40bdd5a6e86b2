/** The renderer's start: one transport, one app. */
import { pickBridge } from './api.ts';
import { createBrokerdesk } from './app.ts';

createBrokerdesk(pickBridge()).mount('#app');
