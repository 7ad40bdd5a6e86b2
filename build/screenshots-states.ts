/**
 * Takes pictures of every page in both themes and three widths, in nine states of a cluster: empty, healthy, a broker killed, a leader
 * frozen, a follower isolated, no majority, all brokers down; and of a remote cluster, reachable and unreachable.
 */
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { LOOKS, pagesOf, WIDE_LOOKS } from '../test/helpers/pages.ts';
import { WebClient } from '../test/helpers/web-client.ts';
import { WebProcess } from '../test/helpers/web-process.ts';
import { pause } from '../shared/waiting.ts';
import { Camera } from './screenshots-camera.ts';
import { startClients } from './screenshots-clients.ts';

const TOPIC = 'orders';
const GROUP = 'billing';
/** Time until sessions have expired, partitions have failed over and groups have a new coordinator. */
const SETTLE_MS = 20_000;

const PATHS: readonly string[] = [
  ...pagesOf(TOPIC, GROUP).map(([path]) => path),
  '/lab?at=broker-2',
  '/lab?at=link-1-3',
  '/coordination/tree?path=/brokers/ids/1',
];

interface State {
  name: string;
  /** Brings a healthy cluster into the state. */
  begin(app: WebClient): Promise<unknown>;
}

const STATES: readonly State[] = [
  { name: 'whole', begin: () => Promise.resolve() },
  { name: 'broker-killed', begin: (app) => app.ask('lab/kill', { node: 2 }) },
  { name: 'leader-frozen', begin: (app) => app.ask('lab/inject', { fault: { type: 'freeze', node: 3 } }) },
  {
    name: 'follower-cut-off',
    begin: (app) => app.ask('lab/inject', { fault: { type: 'partition', between: [3, 1], direction: 'both' } }),
  },
  { name: 'no-majority', begin: (app) => killAll(app, [2, 3]) },
  { name: 'all-down', begin: (app) => killAll(app, [1, 2, 3]) },
];

async function killAll(app: WebClient, nodes: readonly number[]): Promise<void> {
  for (const node of nodes) await app.ask('lab/kill', { node });
}

async function startAll(app: WebClient): Promise<void> {
  await app.ask('lab/healAll', {});
  for (const node of [1, 2, 3]) await app.ask('lab/start', { node }).catch(() => undefined);
}

export interface StatesChoice {
  directory: string;
  /** How long clients run before the first picture of a healthy cluster. */
  settleMs: number;
  /** Undefined: all. */
  states: readonly string[] | undefined;
  /** Only paths with this prefix. */
  prefix: string;
  report: (line: string) => void;
}

/** Resolves to the faults of pages. */
export async function shootStates(browser: Browser, choice: StatesChoice): Promise<string[]> {
  const { directory, report } = choice;
  const wanted = (name: string): boolean => choice.states?.includes(name) ?? true;
  const paths = PATHS.filter((path) => path.startsWith(choice.prefix));
  const faults: string[] = [];
  const web = await WebProcess.start();
  const app = await WebClient.open(web.line);
  const camera = new Camera({ browser, url: web.line.url, report });
  const shoot = async (state: string, before?: (page: Page) => Promise<void>): Promise<void> => {
    const page = await camera.open('/overview', LOOKS[0]);
    await before?.(page);
    for (const path of paths) {
      await camera.go(page, path);
      for (const fault of await camera.takeLooks(page, WIDE_LOOKS, join(directory, state, fileName(path)))) faults.push(fault);
    }
    await page.context().close();
  };
  let clients: Awaited<ReturnType<typeof startClients>> | undefined;
  try {
    if (wanted('empty')) await shoot('empty');
    clients = await startClients(web.brokers);
    await pause(choice.settleMs);
    for (const state of STATES.filter(({ name }) => wanted(name))) {
      await state.begin(app);
      await pause(SETTLE_MS);
      await shoot(state.name);
      await startAll(app);
      await pause(SETTLE_MS);
    }
    if (wanted('remote') || wanted('remote-gone')) await shootRemote(app, shoot, wanted);
  } finally {
    app.close();
    await clients?.stop();
    await web.stop();
  }
  return faults;
}

/** Pictures of a cluster in another process, which then ends. */
async function shootRemote(
  app: WebClient,
  shoot: (state: string, before: (page: Page) => Promise<void>) => Promise<void>,
  wanted: (name: string) => boolean,
): Promise<void> {
  const other = await WebProcess.start();
  try {
    const clients = await startClients(other.brokers);
    const { addedId } = await app.ask('connection/add', { name: 'Staging', bootstrap: other.line.bootstrap, colour: 'warn' });
    const choose = async (page: Page): Promise<void> => {
      await page.evaluate(`location.hash = '/overview?connection=${addedId}'`);
      await pause(SETTLE_MS);
    };
    if (wanted('remote')) await shoot('remote', choose);
    await clients.stop();
    if (!wanted('remote-gone')) return;
    await shoot('remote-gone', async (page) => {
      await choose(page);
      await other.stop();
      await pause(SETTLE_MS);
    });
  } finally {
    await other.stop();
  }
}

const fileName = (path: string): string => path.slice(1).replaceAll(/\W+/g, '-');
