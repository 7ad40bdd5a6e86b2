/** Entry point of the desktop app: creates the host, the window and the menu, and stops them. */
import { join } from 'node:path';
import { app, BrowserWindow } from 'electron';
import { endByForce } from './app-closing.ts';
import { startHost, type Host } from './app-host.ts';
import { DESKTOP_USAGE, readHostOptions, type HostChoice } from './cli/host-options.ts';
import { loadWorkerPath, nodeWorkerPath, userDataDirectory } from './cli/paths.ts';
import { UsageError } from './cli/command.ts';
import { keepFilesPrivate } from './cli/private-files.ts';
import { ignoreClosedOutput } from './cli/parent-watch.ts';
import { serveElectron } from './ipc/electron-transport.ts';
import { installMenu } from './menu.ts';
import { declareScheme, hardenAllContents, isOurPage, openWindow, refusePermissions, serveRenderer } from './window.ts';

/** The build puts this file into out/main. */
const OUT = join(nodeWorkerPath(), '..', '..');

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Arguments after `--`; those before it belong to Electron. */
function ownArguments(argv: readonly string[]): string[] {
  const marker = argv.indexOf('--');
  return marker < 0 ? [] : argv.slice(marker + 1);
}

function readChoice(): HostChoice | null {
  try {
    return readHostOptions(ownArguments(process.argv));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    say(`${error.message}\n\n${DESKTOP_USAGE}`);
    return null;
  }
}

function run(choice: HostChoice): void {
  // Reported as a line instead of a dialog box. The app quits, since its state is unknown.
  process.on('uncaughtException', (error) => {
    say(error.stack ?? error.message);
    process.exitCode = 1;
    app.quit();
  });
  process.on('unhandledRejection', (reason) =>
    say(`unhandled: ${reason instanceof Error ? (reason.stack ?? reason.message) : String(reason)}`),
  );

  const open = (): void => {
    openWindow(join(OUT, 'preload', 'preload.cjs'), say);
  };
  app.on('second-instance', focusFirstWindow);
  app.on('window-all-closed', () => {
    if (process.platform !== 'darwin') app.quit();
  });
  app.on('activate', () => {
    if (BrowserWindow.getAllWindows().length === 0) open();
  });
  void app.whenReady().then(() => {
    // Replaces Electron's handlers, which end the process at once. A signal before this line does so too, so nothing that needs to be
    // closed may be started earlier.
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => app.quit());
    hardenAllContents(say);
    refusePermissions();
    serveRenderer(join(OUT, 'renderer'));
    const host = startHost({
      mode: 'desktop',
      version: app.getVersion(),
      ...choice,
      userDirectory: userDataDirectory(),
      workerPath: nodeWorkerPath(),
      loadWorkerPath: loadWorkerPath(),
      log: say,
    });
    endCleanly(host);
    quitWithLauncher();
    const { invoke, services } = host;
    const transport = serveElectron({ invoke, connect: (deliver) => services.connections.connect(deliver), isOurs: isOurPage });
    installMenu((command) => {
      // The menu belongs to the focused window; on macOS it can be used without a focused window.
      const window = BrowserWindow.getFocusedWindow();
      const session = window === null ? undefined : transport.sessionOf(window.webContents);
      services.events.publish('app/commanded', command, session === undefined ? 'all' : { clientId: session.id });
    });
    open();
  });
}

/** Quits when the `npm start` that started the app ends. Without BROKERDESK_LAUNCHER (an installed app) the parent process does not matter. */
function quitWithLauncher(): void {
  const launcher = Number(process.env['BROKERDESK_LAUNCHER'] ?? 0);
  if (launcher === 0) return;
  ignoreClosedOutput();
  const timer = setInterval(() => {
    if (process.ppid === launcher) return;
    clearInterval(timer);
    app.quit();
  }, 1_000);
}

function focusFirstWindow(): void {
  const [window] = BrowserWindow.getAllWindows();
  if (window === undefined) return;
  if (window.isMinimized()) window.restore();
  window.show();
  window.focus();
}

/** Delays quitting until the cluster has stopped, which is bounded in time; a second request to quit has no effect. */
function endCleanly(host: Host): void {
  let closed = false;
  app.on('before-quit', (event) => {
    if (closed) return;
    event.preventDefault();
    for (const window of BrowserWindow.getAllWindows()) window.hide();
    void host.close().then((stopped) => {
      if (!stopped) endByForce();
      closed = true;
      app.quit();
    });
  });
}

const choice = readChoice();
if (choice === null) {
  app.exit(2);
} else if (!app.requestSingleInstanceLock()) {
  say('Brokerdesk is running already; its window comes to the front.');
  app.exit(0);
} else {
  // As root Chromium cannot sandbox (`--no-sandbox`, see build/start.ts), and asking for both ends its child processes.
  if (!app.commandLine.hasSwitch('no-sandbox')) app.enableSandbox();
  declareScheme();
  keepFilesPrivate();
  run(choice);
}
