/** What the Lab page is about: the thing that is picked (in the address), and what can be done to it. */
import { computed } from 'vue';
import { useRoute, useRouter } from 'vue-router';
import type { AppError } from '#shared/errors';
import type { FaultSpec } from '#shared/models/lab';
import { allLinks, linkState, parseLinkKey, type LinkState } from '../lab/links.ts';
import { useClusterStore } from '../stores/cluster.ts';
import { useLabStore } from '../stores/lab.ts';
import { useToastsStore } from '../stores/toasts.ts';

export type Picked = { kind: 'broker'; id: number } | { kind: 'link'; key: string };

export function useLab() {
  const cluster = useClusterStore();
  const lab = useLabStore();
  const toasts = useToastsStore();
  const route = useRoute();
  const router = useRouter();

  const brokerIds = computed(() => cluster.brokerList.map(({ id }) => id));
  const links = computed<LinkState[]>(() => allLinks(brokerIds.value).map((link) => linkState(link, lab.faults)));

  const picked = computed<Picked | null>(() => {
    const text = typeof route.query['at'] === 'string' ? route.query['at'] : '';
    const link = /^link-(.+)$/.exec(text)?.[1];
    if (link !== undefined && parseLinkKey(link) !== null && links.value.some((one) => one.link.key === link))
      return { kind: 'link', key: link };
    const broker = Number(/^broker-(\d+)$/.exec(text)?.[1] ?? Number.NaN);
    if (cluster.brokers.has(broker)) return { kind: 'broker', id: broker };
    const first = brokerIds.value[0];
    return first === undefined ? null : { kind: 'broker', id: first };
  });

  function pick(next: Picked): void {
    void router.replace({ path: '/lab', query: { ...route.query, at: next.kind === 'broker' ? `broker-${next.id}` : `link-${next.key}` } });
  }

  const pickedBroker = computed(() => (picked.value?.kind === 'broker' ? (cluster.brokers.get(picked.value.id) ?? null) : null));
  const pickedLink = computed(() => {
    const key = picked.value?.kind === 'link' ? picked.value.key : null;
    return links.value.find((one) => one.link.key === key) ?? null;
  });

  const complainOf = (error: AppError | null): boolean => {
    if (error !== null) toasts.addError(error);
    return error === null;
  };

  /** One after another; stops at the first that is refused. True when all are in force. */
  async function inject(key: string, faults: readonly FaultSpec[]): Promise<boolean> {
    for (const fault of faults) if (!complainOf(await lab.inject(key, fault))) return false;
    return true;
  }

  async function heal(id: number): Promise<void> {
    complainOf(await lab.heal(id));
  }

  async function start(node: number): Promise<void> {
    complainOf(await lab.start(node));
  }

  async function healAll(): Promise<void> {
    const { error, failed } = await lab.healAll();
    complainOf(error);
    for (const one of failed) toasts.addError({ code: 'INTERNAL', message: one.error });
  }

  async function addBroker(): Promise<void> {
    const answer = await lab.addNode();
    if (answer === null) return;
    if ('error' in answer) toasts.addError(answer.error);
    else {
      toasts.add(`Broker ${answer.node} joined. It has no replicas until partitions are assigned to it.`);
      pick({ kind: 'broker', id: answer.node });
    }
  }

  const anythingWrong = computed(() => lab.faults.length > 0 || cluster.brokerList.some((broker) => broker.lab?.running === false));

  return { links, picked, pick, pickedBroker, pickedLink, inject, heal, healAll, start, addBroker, anythingWrong };
}

export type Lab = ReturnType<typeof useLab>;
