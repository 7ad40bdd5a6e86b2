/** Creates the window, and restricts what its page may do. */
import { app, BrowserWindow, protocol, session, shell } from 'electron';
import { LinkPolicy } from './link-policy.ts';
import { readStatic } from './web/static-files.ts';

export const APP_SCHEME = 'app';
/** `--bg` of the dark theme, shown before the first paint. */
const BACKGROUND = '#0d1014';
export const APP_ORIGIN = `${APP_SCHEME}://brokerdesk`;
const PAGE = `${APP_ORIGIN}/index.html`;

/** Must be called before the app is ready: `app://` is a standard, secure scheme, so that the page has an origin of its own. */
export function declareScheme(): void {
  protocol.registerSchemesAsPrivileged([{ scheme: APP_SCHEME, privileges: { standard: true, secure: true, supportFetchAPI: true } }]);
}

/** Serves files of the built renderer only. */
export function serveRenderer(root: string): void {
  protocol.handle(APP_SCHEME, async (request) => {
    const { host, pathname } = new URL(request.url);
    const file = host === 'brokerdesk' && request.method === 'GET' ? await readStatic(root, pathname, "'self'") : null;
    if (file === null) return new Response('Not found.', { status: 404 });
    return new Response(new Uint8Array(file.bytes), { headers: file.headers });
  });
}

/** Refuses all permissions: the renderer needs none. */
export function refusePermissions(): void {
  session.defaultSession.setPermissionRequestHandler((_contents, permission, answer) => answer(permission === 'clipboard-sanitized-write'));
  session.defaultSession.setPermissionCheckHandler((_contents, permission) => permission === 'clipboard-sanitized-write');
}

/** For all web contents of the app: no other page, no new window, no webview. */
export function hardenAllContents(log: (line: string) => void): void {
  app.on('web-contents-created', (_event, contents) => {
    contents.on('will-attach-webview', (event) => event.preventDefault());
    contents.on('will-navigate', (event, url) => {
      if (!isOurPage(url)) event.preventDefault();
    });
    // Chromium navigates to about:blank without an event that could be refused, and an empty window has no way back.
    contents.on('did-navigate', (_event, url) => {
      if (url.startsWith('about:')) contents.loadURL(PAGE).catch((error: unknown) => log(`the page did not load again: ${String(error)}`));
    });
    const links = new LinkPolicy();
    contents.on('input-event', (_event, { type }) => links.noteInput(type, performance.now()));
    contents.setWindowOpenHandler(({ url }) => {
      if (links.takeGesture(url, performance.now())) void shell.openExternal(url);
      return { action: 'deny' };
    });
  });
}

export function isOurPage(url: string): boolean {
  return url.startsWith(`${APP_ORIGIN}/`);
}

/** Opens the app's page; the window is shown after its first paint. */
export function openWindow(preload: string, log: (line: string) => void): BrowserWindow {
  const window = new BrowserWindow({
    width: 1440,
    height: 900,
    minWidth: 900,
    minHeight: 600,
    show: false,
    title: 'Brokerdesk',
    backgroundColor: BACKGROUND,
    webPreferences: {
      preload,
      contextIsolation: true,
      sandbox: true,
      nodeIntegration: false,
      nodeIntegrationInWorker: false,
      webviewTag: false,
      spellcheck: false,
      devTools: !app.isPackaged,
    },
  });
  window.once('ready-to-show', () => window.show());
  window.webContents.on('render-process-gone', (_event, { reason }) => log(`the page's process ended: ${reason}`));
  window.loadURL(PAGE).catch((error: unknown) => log(`the page did not load: ${String(error)}`));
  return window;
}
