// @vitest-environment happy-dom
/** Groups while brokers do not answer: what cannot be asked is said to be unknown, never absent and never 0. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { flushPromises, mount, type VueWrapper } from '@vue/test-utils';
import { createPinia } from 'pinia';
import { TooltipProvider } from 'reka-ui';
import { defineComponent, h } from 'vue';
import { createMemoryHistory, type Router } from 'vue-router';
import App from '../../../renderer/App.vue';
import AssignmentTable from '../../../renderer/components/groups/AssignmentTable.vue';
import MessageTable from '../../../renderer/components/messages/MessageTable.vue';
import TopicReaders from '../../../renderer/components/topics/TopicReaders.vue';
import { createAppRouter } from '../../../renderer/router.ts';
import type { GroupRow, RecordRow } from '../../../shared/models/cluster.ts';
import { groupPartition } from '../../helpers/group-partition.ts';
import { FixtureBridge } from '../fixtures/fixture-bridge.ts';
import { useFixture } from '../fixtures/use-fixture.ts';

let bridge: FixtureBridge;
let router: Router;
let mounted: VueWrapper;

beforeEach(() => {
  document.body.innerHTML = '';
  bridge = new FixtureBridge('healthy');
  useFixture(bridge);
  router = createAppRouter(createMemoryHistory());
});
afterEach(() => mounted.unmount());

async function openApp(path: string): Promise<string> {
  void router.push(path);
  await router.isReady();
  mounted = mount(App, { attachTo: document.body, global: { plugins: [createPinia(), router] } });
  await flushPromises();
  bridge.tick();
  await flushPromises();
  return mounted.find('main').text().replace(/\s+/g, ' ');
}

describe('a group that no answer names', () => {
  it('does not exist where every broker answers', async () => {
    expect(await openApp('/groups/absent')).toContain('No such group');
  });

  it('is unknown while a broker does not answer, and the list says which groups may be missing', async () => {
    bridge.cluster.down(3);
    const page = await openApp('/groups/absent');
    expect(page).toContain('Unknown group');
    expect(page).toContain('Broker 3 does not answer and may be its coordinator');
    expect(page).not.toContain('No such group');
    await router.push('/groups');
    await flushPromises();
    expect(mounted.find('main').text().replace(/\s+/g, ' ')).toContain(
      'Broker 3 does not answer: groups that it coordinates may be missing here.',
    );
  });
});

describe('the quorum', () => {
  it('counts voters where a broker answers, and none where no broker does', async () => {
    expect(await openApp('/brokers/quorum')).toMatch(/Voters ?3 ?of 3, 2 needed/);
    mounted.unmount();
    bridge = new FixtureBridge('unreachable');
    useFixture(bridge);
    expect(await openApp('/brokers/quorum')).toMatch(/Voters ?\?/);
  });
});

describe('the consumers of a topic', () => {
  const group = (more: Partial<GroupRow>): GroupRow => ({
    id: 'g',
    state: 'Stable',
    protocolType: 'consumer',
    protocol: null,
    coordinator: 1,
    members: [{ memberId: 'm', instanceId: null, clientId: 'c', host: '/h', assignment: [] }],
    partitions: [],
    lag: '0',
    unknown: 0,
    error: null,
    asOf: null,
    ...more,
  });
  const rowOf = async (reader: { group: GroupRow; partitions: ReturnType<typeof groupPartition>[] }): Promise<string[]> => {
    const Page = defineComponent(() => () => h(TooltipProvider, () => h(TopicReaders, { readers: [reader] })));
    mounted = mount(Page, { attachTo: document.body, global: { plugins: [createPinia(), router] } });
    await flushPromises();
    return mounted.findAll('tbody tr td').map((cell) => cell.text());
  };

  it('are counted where the coordinator has answered', async () => {
    const cells = await rowOf({ group: group({}), partitions: [groupPartition({ memberId: 'm', committed: '5', lag: '0' })] });
    expect(cells[2]).toBe('1');
    // Both partitions were committed, so nothing is said to lack a commit.
    expect(cells.join(' ')).not.toContain('commit');
  });

  it.each<[string, Partial<GroupRow>]>([
    ['its state is unknown', { state: 'Unknown', members: [] }],
    ['it has no coordinator now', { coordinator: null, members: [] }],
  ])('are "?" where %s', async (_what, more) => {
    expect((await rowOf({ group: group(more), partitions: [groupPartition({ memberId: null })] }))[2]).toBe('?');
  });
});

describe('the assignment of a group', () => {
  it.each<[string, boolean, string]>([
    ['"?" where the coordinator has not reported the members', false, '?'],
    ['"no member" where it has', true, 'no member'],
  ])('shows %s, for a partition that is assigned to none', async (_what, membersKnown, shown) => {
    const row = { ...groupPartition({ committed: '5' }), key: 'orders-0', leaderState: 'serving' as const, member: null };
    const Page = defineComponent(() => () => h(TooltipProvider, () => h(AssignmentTable, { rows: [row], membersKnown })));
    mounted = mount(Page, { attachTo: document.body, global: { plugins: [createPinia(), router] } });
    await flushPromises();
    expect(mounted.findAll('tbody td')[1]?.text()).toBe(shown);
  });
});

describe('records with times that are no dates', () => {
  it('are all shown, with the number that the record has', async () => {
    const value = { encoding: 'utf8' as const, text: 'v', truncated: false, sizeBytes: 1 };
    const record = (offset: string, timestamp: number | null): RecordRow => ({
      partition: 0,
      offset,
      timestamp,
      timestampType: 'create',
      key: value,
      value,
      headers: [],
      headerCount: 0,
      sizeBytes: 1,
      compression: 'none',
    });
    // Nanoseconds by mistake, the farthest date and one more, the largest timestamp, none.
    const times = [1_764_489_600_000_000_000, 8.64e15, 8.64e15 + 1, Number(2n ** 63n - 1n), null, Date.now()];
    mounted = mount(MessageTable, {
      attachTo: document.body,
      props: { records: times.map((at, i) => record(String(i), at)), openKey: null },
      global: { plugins: [router] },
    });
    await flushPromises();
    expect(mounted.findAll('tbody tr').map((row) => row.findAll('td')[2]?.text())).toEqual(times.map((_at, i) => String(i)));
    expect(mounted.text()).toContain('1,764,489,600,000,000,000 ms');
    expect(mounted.text()).not.toContain('cannot be shown');
  });
});
