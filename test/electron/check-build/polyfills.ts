/**
 * What Node 16 and Chromium 108 (Electron 22) lack of what the app may expect of Electron 45: imported first by the check
 * build's entries, and by nothing that ships.
 */
import 'core-js/stable/index.js';
import { webcrypto } from 'node:crypto';

if (!('crypto' in globalThis)) Object.defineProperty(globalThis, 'crypto', { value: webcrypto, configurable: true });
