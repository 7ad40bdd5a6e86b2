/** Creates the app on a transport; the product and the tests' gallery differ in the bridge only. */
import { createApp, type App as VueApp } from 'vue';
import { createPinia } from 'pinia';
import type { Bridge } from '#shared/ipc';
import '@fontsource-variable/inter/wght.css';
import '@fontsource-variable/jetbrains-mono/wght.css';
import './styles/tokens.css';
import './styles/base.css';
import './styles/layout.css';
import './styles/replica-paths.css';
import App from './App.vue';
import { useBridge } from './api.ts';
import { createAppRouter } from './router.ts';

export function createBrokerdesk(bridge: Bridge): VueApp {
  useBridge(bridge);
  return createApp(App).use(createPinia()).use(createAppRouter());
}
