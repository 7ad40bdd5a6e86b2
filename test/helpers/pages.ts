/** Every page that there is and every look in which it is to be good: for the tests in a browser and for pictures. */
import { CONCEPTS } from '../../renderer/learn/concepts.ts';

/** Each with its title; `T` and `G` stand for a topic and a group. */
const PAGES: readonly (readonly [path: string, title: string])[] = [
  ['/overview', 'Overview'],
  ['/brokers', 'Brokers'],
  ['/brokers/1', 'Broker 1'],
  ['/brokers/1/settings', 'Broker 1'],
  ['/topics', 'Topics'],
  ['/topics/T/messages', 'T'],
  ['/topics/T/partitions', 'T'],
  ['/topics/T/consumers', 'T'],
  ['/topics/T/settings', 'T'],
  ['/groups', 'Consumer groups'],
  ['/groups/G', 'G'],
  ['/brokers/quorum', 'Quorum'],
  ['/brokers/zookeeper', 'ZooKeeper'],
  ['/incidents', 'Incidents'],
  ['/lab', 'Lab'],
  ['/scenarios/leader-killed', 'Scenarios'],
  ['/learn', 'Learn'],
  ...CONCEPTS.map(({ id, title }) => [`/learn/${id}`, title] as const),
  ['/connections', 'Connections'],
  ['/no/such/page', 'No such page'],
];

export interface Look {
  theme: 'light' | 'dark';
  width: number;
  height: number;
}

/** Both themes, a large window and a small one. */
export const LOOKS: readonly [Look, ...Look[]] = [
  { theme: 'dark', width: 1440, height: 900 },
  { theme: 'light', width: 1440, height: 900 },
  { theme: 'light', width: 1024, height: 720 },
  { theme: 'dark', width: 1024, height: 720 },
];

/** And a wide window, for pictures. */
export const WIDE_LOOKS: readonly Look[] = [
  ...LOOKS,
  { theme: 'dark', width: 1920, height: 1080 },
  { theme: 'light', width: 1920, height: 1080 },
];

export function pagesOf(topic: string, group: string): [path: string, title: string][] {
  const named = (text: string): string =>
    text === 'T' ? topic : text === 'G' ? group : text.replace('/T/', `/${topic}/`).replace(/\/G$/, `/${group}`);
  return PAGES.map(([path, title]) => [named(path), named(title)]);
}
