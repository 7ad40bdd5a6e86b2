/// <reference types="vite/client" />
import type { Bridge } from '#shared/ipc';

declare global {
  interface Window {
    /** Set by the preload script in Electron; absent in a browser tab. */
    readonly brokerdesk?: Bridge;
  }
}
