import { app, Menu, type MenuItemConstructorOptions } from 'electron';
import type { Events } from '#shared/ipc';

type Command = Events['app/commanded'];

const PAGES: readonly [label: string, path: string][] = [
  ['Overview', '/'],
  ['Topics', '/topics'],
  ['Consumers', '/groups'],
  ['Brokers', '/brokers'],
  ['Quorum', '/brokers/quorum'],
  ['Connections', '/connections'],
];

/** The native menu. It sends commands to the page, so that a shortcut and a button do the same. */
export function installMenu(send: (command: Command) => void): void {
  const isMac = process.platform === 'darwin';
  const template: MenuItemConstructorOptions[] = [
    ...(isMac ? [{ role: 'appMenu' as const }] : []),
    {
      label: 'Cluster',
      submenu: [
        { label: 'Create topic…', accelerator: 'CmdOrCtrl+N', click: () => send({ command: 'createTopic' }) },
        { label: 'Refresh', accelerator: 'F5', click: () => send({ command: 'refresh' }) },
        { type: 'separator' },
        isMac ? { role: 'close' } : { role: 'quit' },
      ],
    },
    { role: 'editMenu' },
    {
      label: 'Go',
      submenu: [
        { label: 'Command palette…', accelerator: 'CmdOrCtrl+K', click: () => send({ command: 'palette' }) },
        { type: 'separator' },
        ...PAGES.map(([label, path], index) => ({
          label,
          accelerator: `CmdOrCtrl+${index + 1}`,
          click: () => send({ command: 'navigate', path }),
        })),
      ],
    },
    {
      label: 'View',
      submenu: [
        { role: 'zoomIn' },
        { role: 'zoomOut' },
        { role: 'resetZoom' },
        { type: 'separator' },
        { role: 'togglefullscreen' },
        ...(app.isPackaged ? [] : [{ role: 'toggleDevTools' as const }]),
      ],
    },
    { role: 'windowMenu' },
  ];
  Menu.setApplicationMenu(Menu.buildFromTemplate(template));
}
