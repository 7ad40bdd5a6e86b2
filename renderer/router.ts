declare module 'vue-router' {
  interface RouteMeta {
    title?: string;
    /** What the page says of the present even while a moment of the past is shown, in one sentence. */
    present?: string;
    /** Of its tabs the one that does. */
    presentTab?: string;
  }
}

/** All pages by address. Hash history: the same addresses work under app://, a file and a web path. */
import { createRouter, createWebHashHistory, type RouteLocation, type RouteRecordRaw, type Router, type RouterHistory } from 'vue-router';
import { conceptOf } from './learn/concepts.ts';
import { decodeName, topicPath } from './format/addresses.ts';
import { escapeName } from '#shared/names';

const topicOf = (to: RouteLocation): { name: string } => ({ name: decodeName(String(to.params['name'])) });

export const routes: RouteRecordRaw[] = [
  { path: '/', redirect: '/overview' },
  { path: '/overview', component: () => import('./pages/OverviewPage.vue'), meta: { title: 'Overview' } },
  { path: '/brokers', component: () => import('./pages/BrokersPage.vue'), meta: { title: 'Brokers' } },
  {
    path: '/brokers/:id(\\d+)/:tab(replicas|settings)?',
    component: () => import('./pages/BrokerPage.vue'),
    props: (to) => ({ id: Number(to.params['id']), tab: to.params['tab'] === 'settings' ? 'settings' : 'replicas' }),
    meta: { title: 'Broker', present: 'Settings are those of now.', presentTab: 'settings' },
  },
  { path: '/topics', component: () => import('./pages/TopicsPage.vue'), meta: { title: 'Topics' } },
  {
    path: '/topics/:name',
    component: () => import('./pages/TopicPage.vue'),
    props: topicOf,
    meta: { title: 'Topic' },
    children: [
      { path: '', redirect: (to) => ({ path: topicPath(topicOf(to).name, 'messages') }) },
      {
        path: 'messages',
        component: () => import('./pages/TopicMessagesPage.vue'),
        props: topicOf,
        meta: { present: 'Records are read from the cluster as it is now.' },
      },
      { path: 'partitions', component: () => import('./pages/TopicPartitionsPage.vue'), props: topicOf },
      { path: 'consumers', component: () => import('./pages/TopicConsumersPage.vue'), props: topicOf },
      {
        path: 'settings',
        component: () => import('./pages/TopicSettingsPage.vue'),
        props: topicOf,
        meta: { present: 'Settings are those of now.' },
      },
    ],
  },
  { path: '/groups', component: () => import('./pages/GroupsPage.vue'), meta: { title: 'Consumer groups' } },
  {
    path: '/groups/:id',
    component: () => import('./pages/GroupPage.vue'),
    props: (to) => ({ id: decodeName(String(to.params['id'])) }),
    meta: { title: 'Consumer group' },
  },
  { path: '/brokers/quorum', component: () => import('./pages/QuorumPage.vue'), meta: { title: 'Quorum' } },
  {
    path: '/brokers/zookeeper',
    component: () => import('./pages/ZooKeeperPage.vue'),
    meta: { title: 'ZooKeeper', present: 'Znodes are read from the cluster as it is now.' },
  },
  { path: '/incidents', component: () => import('./pages/IncidentsPage.vue'), meta: { title: 'Incidents' } },
  { path: '/lab', component: () => import('./pages/LabPage.vue'), meta: { title: 'Lab' } },
  {
    path: '/scenarios/:name?',
    component: () => import('./pages/ScenariosPage.vue'),
    props: (to) => ({ name: typeof to.params['name'] === 'string' && to.params['name'] !== '' ? to.params['name'] : null }),
    meta: { title: 'Scenarios' },
  },
  { path: '/learn', component: () => import('./pages/LearnIndexPage.vue'), meta: { title: 'Learn' } },
  {
    path: '/learn/:concept',
    component: () => import('./pages/LearnPage.vue'),
    props: true,
    meta: { title: 'Learn' },
  },
  { path: '/connections', component: () => import('./pages/ConnectionsPage.vue'), meta: { title: 'Connections' } },
  // Addresses of earlier versions.
  { path: '/coordination', redirect: '/brokers/quorum' },
  { path: '/coordination/tree', redirect: (to) => ({ path: '/brokers/zookeeper', query: to.query }) },
  {
    path: '/lab/scenarios/:name?',
    redirect: (to) => ({
      path: `/scenarios${typeof to.params['name'] === 'string' && to.params['name'] !== '' ? `/${encodeURIComponent(to.params['name'])}` : ''}`,
    }),
  },
  { path: '/:rest(.*)*', component: () => import('./pages/NotFoundPage.vue'), meta: { title: 'No such page' } },
];

export function createAppRouter(history: RouterHistory = createWebHashHistory()): Router {
  const router = createRouter({ history, routes });
  router.afterEach((to) => {
    const named = to.params['name'] ?? to.params['id'];
    const subject =
      typeof named === 'string' && named !== '' ? escapeName(decodeName(named)) : conceptOf(String(to.params['concept'] ?? ''))?.title;
    const title = typeof to.meta['title'] === 'string' ? to.meta['title'] : 'Brokerdesk';
    document.title = subject === undefined ? `${title} · Brokerdesk` : `${subject} · ${title} · Brokerdesk`;
  });
  void followEarlyHash(router);
  return router;
}

/** The router listens to the address only once its first page stands; what was asked for meanwhile is followed then. */
async function followEarlyHash(router: Router): Promise<void> {
  const before = location.hash;
  await router.isReady();
  const asked = location.hash.slice(1);
  if (location.hash !== before && asked !== router.currentRoute.value.fullPath) await router.replace(asked);
}
